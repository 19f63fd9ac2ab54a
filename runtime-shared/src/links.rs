//! Links by name.

use std::sync::Arc;

use rocketmq_producer_core::ids::LinkId;

use crate::SharedLink;

/// The open links, indexed by slot; a link of another generation is not found.
#[derive(Debug)]
pub(crate) struct LinkTable<W>(Vec<Option<Arc<SharedLink<W>>>>);

impl<W> LinkTable<W> {
    pub(crate) fn get(&self, id: LinkId) -> Option<&Arc<SharedLink<W>>> {
        self.0.get(id.slot as usize)?.as_ref().filter(|link| link.id() == id)
    }

    pub(crate) fn insert(&mut self, link: Arc<SharedLink<W>>) {
        let slot = link.id().slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(link);
    }

    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Arc<SharedLink<W>>> {
        self.0.get_mut(id.slot as usize)?.take_if(|link| link.id() == id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SharedLink<W>>> {
        self.0.iter().flatten()
    }
}

impl<W> Clone for LinkTable<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W> Default for LinkTable<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
