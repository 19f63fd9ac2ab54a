//! A subscriber that keeps all it sees.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    dispatcher::DefaultGuard,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

thread_local! {
    /// The spans that this thread is in.
    static ENTERED: RefCell<Vec<(Id, &'static Metadata<'static>)>> = const { RefCell::new(Vec::new()) };
}

/// Names and values, as text.
pub(crate) type Fields = BTreeMap<&'static str, String>;

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) level: Level,
    pub(crate) parent: Option<u64>,
    pub(crate) fields: Fields,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct SeenSpan {
    pub(crate) id: u64,
    pub(crate) seen: Seen,
    metadata: &'static Metadata<'static>,
    handles: usize,
    /// Where it is entered now, and how often it was.
    inside: usize,
    pub(crate) entries: usize,
}

impl SeenSpan {
    pub(crate) fn is_closed(&self) -> bool {
        self.handles == 0 && self.inside == 0
    }
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<SeenSpan>,
    events: Vec<Seen>,
}

/// See the module. Clones see the same.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    max: Level,
    state: Arc<Mutex<State>>,
}

impl Collector {
    fn new(max: Level) -> Self {
        Self { max, state: Arc::default() }
    }

    /// The process's own, which sees what housekeeping tells.
    pub(crate) fn global() -> Self {
        static GLOBAL: OnceLock<Collector> = OnceLock::new();
        let install = || {
            let collector = Collector::new(Level::DEBUG);
            let first = tracing::subscriber::set_global_default(collector.clone());
            first.expect("there is no other");
            collector
        };
        GLOBAL.get_or_init(install).clone()
    }

    /// One that sees what this thread does until the guard is dropped.
    pub(crate) fn of_this_thread(max: Level) -> (Self, DefaultGuard) {
        let collector = Self::new(max);
        let guard = tracing::subscriber::set_default(collector.clone());
        (collector, guard)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn events(&self) -> Vec<Seen> {
        self.lock().events.clone()
    }

    /// What the producer with this id has told of its changes of state.
    pub(crate) fn told_by(&self, client_id: &str) -> Vec<Seen> {
        let mut events = self.events();
        events.retain(|event| event.field("client_id") == client_id);
        events
    }

    /// The spans of this name, in the order of their beginnings.
    pub(crate) fn spans(&self, name: &str) -> Vec<SeenSpan> {
        let mut spans = self.lock().spans.clone();
        spans.retain(|span| span.seen.name == name);
        spans
    }

    /// True while this thread is in some span.
    pub(crate) fn is_anywhere() -> bool {
        ENTERED.with_borrow(|entered| !entered.is_empty())
    }

    fn change(&self, id: &Id, change: impl FnOnce(&mut SeenSpan)) {
        let index = id.into_u64() as usize - 1;
        change(&mut self.lock().spans[index]);
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.max
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        attributes.record(&mut Text(&mut fields));
        let current = || ENTERED.with_borrow(|entered| entered.last().map(|(id, _)| id.clone()));
        let parent = attributes.parent().cloned();
        let parent = parent.or_else(|| current().filter(|_| attributes.is_contextual()));
        let metadata = attributes.metadata();
        let mut state = self.lock();
        let id = state.spans.len() as u64 + 1;
        state.spans.push(SeenSpan {
            id,
            seen: seen(metadata, parent.as_ref(), fields),
            metadata,
            handles: 1,
            inside: 0,
            entries: 0,
        });
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.change(span, |span| values.record(&mut Text(&mut span.seen.fields)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Text(&mut fields));
        self.lock().events.push(seen(event.metadata(), event.parent(), fields));
    }

    fn enter(&self, span: &Id) {
        let mut metadata = None;
        self.change(span, |span| {
            (span.inside, span.entries) = (span.inside + 1, span.entries + 1);
            metadata = Some(span.metadata);
        });
        let entry = (span.clone(), metadata.expect("it is known"));
        ENTERED.with_borrow_mut(|entered| entered.push(entry));
    }

    fn exit(&self, span: &Id) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        assert_eq!(
            left.map(|(id, _)| id).as_ref(),
            Some(span),
            "spans are left as they were entered"
        );
        self.change(span, |span| span.inside -= 1);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.change(id, |span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut closed = false;
        self.change(&id, |span| {
            span.handles -= 1;
            closed = span.handles == 0;
        });
        closed
    }

    fn current_span(&self) -> Current {
        ENTERED.with_borrow(|entered| match entered.last() {
            Some((id, metadata)) => Current::new(id.clone(), metadata),
            None => Current::none(),
        })
    }
}

fn seen(metadata: &'static Metadata<'static>, parent: Option<&Id>, fields: Fields) -> Seen {
    Seen {
        name: metadata.name(),
        target: metadata.target(),
        level: *metadata.level(),
        parent: parent.map(Id::into_u64),
        fields,
    }
}

/// Values as text.
struct Text<'a>(&'a mut Fields);

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
