import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Reads a topic, from each queue's first message to the one that is its last now, with RocketMQ's
 * own client, and writes what that makes of them to a file.
 *
 * <p>Arguments: name server, topic, file. The file's format is read by {@code consumed.rs}.
 */
@SuppressWarnings("deprecation") // The one consumer, in all releases, that needs no group state.
public final class Consume {
    private static final String GROUP = "TESTKIT_JAVA_CONSUMER";
    private static final int MESSAGES_PER_PULL = 32;
    private static final int PAUSE_MS = 20;

    public static void main(String[] arguments) {
        int status = 0;
        try {
            consume(arguments[0], arguments[1], arguments[2]);
        } catch (Throwable failure) {
            failure.printStackTrace();
            status = 1;
        }
        // The client's own threads would keep the program alive, for seconds or for ever.
        System.exit(status);
    }

    private static void consume(String nameServer, String topic, String file) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(GROUP);
        consumer.setNamesrvAddr(nameServer);
        consumer.start();
        // Not shut down in the end, which takes three seconds now and then (5.5.0): brokers forget a
        // consumer as well when its connection closes.
        try (DataOutputStream out =
                new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(Paths.get(file))))) {
            // In order: by broker, then by queue.
            for (MessageQueue queue : new TreeSet<>(consumer.fetchSubscribeMessageQueues(topic))) {
                readQueue(consumer, queue, out);
            }
        }
    }

    private static void readQueue(DefaultMQPullConsumer consumer, MessageQueue queue, DataOutputStream out)
            throws Exception {
        long end = consumer.maxOffset(queue);
        long offset = consumer.minOffset(queue);
        while (offset < end) {
            PullResult pulled = consumer.pull(queue, "*", offset, MESSAGES_PER_PULL);
            long next = pulled.getNextBeginOffset();
            if (pulled.getPullStatus() == PullStatus.FOUND) {
                List<MessageExt> messages = pulled.getMsgFoundList();
                // The client leaves out what it cannot decode, and all that was pulled after it.
                if (messages.size() != next - offset) {
                    throw new IllegalStateException(
                            "of offsets " + offset + " to " + (next - 1) + " in " + queue
                                    + " the client has decoded " + messages.size());
                }
                for (MessageExt message : messages) {
                    if (message.getQueueOffset() < end) {
                        write(queue, message, out);
                    }
                }
            } else if (next <= offset) {
                Thread.sleep(PAUSE_MS);
            }
            offset = next;
        }
    }

    private static void write(MessageQueue queue, MessageExt message, DataOutputStream out)
            throws IOException {
        writeText(message.getTopic(), out);
        writeText(queue.getBrokerName(), out);
        out.writeInt(message.getQueueId());
        out.writeLong(message.getQueueOffset());
        out.writeLong(message.getCommitLogOffset());
        out.writeInt(message.getSysFlag());
        out.writeInt(message.getFlag());
        out.writeLong(message.getBornTimestamp());
        out.writeLong(message.getStoreTimestamp());
        out.writeInt(message.getReconsumeTimes());
        writeText(message.getMsgId(), out);
        writeText(((MessageClientExt) message).getOffsetMsgId(), out);
        writeText(message.getTransactionId(), out);
        writeText(message.getTags(), out);
        writeText(message.getKeys(), out);
        writeBytes(message.getBody(), out);
        out.writeInt(message.getProperties().size());
        for (Map.Entry<String, String> property : message.getProperties().entrySet()) {
            writeText(property.getKey(), out);
            writeText(property.getValue(), out);
        }
    }

    private static void writeText(String text, DataOutputStream out) throws IOException {
        writeBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8), out);
    }

    /** The length, -1 for null, and the bytes. */
    private static void writeBytes(byte[] bytes, DataOutputStream out) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }
}
