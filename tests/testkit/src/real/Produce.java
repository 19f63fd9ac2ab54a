import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.RPCHook;

/**
 * Sends a message of every kind with RocketMQ's own client, its message trace switched on, and ends
 * when the trace has been sent.
 *
 * <p>Arguments: name server, producer group, and what the topics' names begin with: each kind has a
 * topic of its own, named after it.
 */
public final class Produce {
    private static final int ATTEMPTS = 20;
    private static final int PAUSE_MS = 500;
    private static final int CHECK_LIMIT_S = 60;

    private final String prefix;

    private Produce(String prefix) {
        this.prefix = prefix;
    }

    public static void main(String[] arguments) {
        int status = 0;
        try {
            new Produce(arguments[2]).produce(arguments[0], arguments[1]);
        } catch (Throwable failure) {
            failure.printStackTrace();
            status = 1;
        }
        // The client's own threads would keep the program alive, for seconds or for ever.
        System.exit(status);
    }

    private void produce(String nameServer, String group) throws Exception {
        Listener listener = new Listener();
        TransactionMQProducer producer = new TransactionMQProducer(null, group, (RPCHook) null, true, null);
        producer.setNamesrvAddr(nameServer);
        producer.setTransactionListener(listener);
        producer.start();
        sendAlone(producer);
        sendBatch(producer);
        for (String end : Arrays.asList("Commit", "Rollback", "Unknown")) {
            producer.sendMessageInTransaction(dressed(end), end);
        }
        if (!listener.asked.await(CHECK_LIMIT_S, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the broker has not asked");
        }
        // Its answer to the broker is traced after that.
        Thread.sleep(PAUSE_MS);
        // Sends what is left of the trace first.
        producer.shutdown();
    }

    private void sendAlone(DefaultMQProducer producer) throws Exception {
        send(producer, dressed("Dressed"));
        send(producer, message("Plain", "plain"));
        send(producer, message("Large", text(10_000)));
        Message delayed = dressed("Delayed");
        delayed.setDelayTimeLevel(1);
        send(producer, delayed);
        Message timed = dressed("Timed");
        MessageAccessor.putProperty(timed, "TIMER_DELAY_MS", "1000");
        send(producer, timed);
        Message ordered = dressed("Ordered");
        MessageAccessor.putProperty(ordered, "__SHARDINGKEY", "order-1001");
        send(producer, ordered);
        producer.sendOneway(dressed("Oneway"));
    }

    private void sendBatch(DefaultMQProducer producer) throws Exception {
        List<Message> batch = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            batch.add(dressed("Batch"));
        }
        producer.send(batch);
    }

    /** A topic that is being created may be unknown for a moment. */
    private static void send(DefaultMQProducer producer, Message message) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                producer.send(message);
                return;
            } catch (Exception failure) {
                if (attempt == ATTEMPTS) {
                    throw failure;
                }
                Thread.sleep(PAUSE_MS);
            }
        }
    }

    private Message message(String kind, String body) {
        return new Message(prefix + kind, body.getBytes());
    }

    private Message dressed(String kind) {
        Message message = message(kind, "dressed");
        message.setTags("TagA");
        message.setKeys(Arrays.asList("k1", "k2"));
        return message;
    }

    private static String text(int length) {
        StringBuilder text = new StringBuilder();
        while (text.length() < length) {
            text.append("0123456789");
        }
        return text.toString();
    }

    /** Ends transactions as they are told to, and commits what is asked about. */
    private static final class Listener implements TransactionListener {
        final CountDownLatch asked = new CountDownLatch(1);

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object end) {
            switch ((String) end) {
                case "Commit":
                    return LocalTransactionState.COMMIT_MESSAGE;
                case "Rollback":
                    return LocalTransactionState.ROLLBACK_MESSAGE;
                default:
                    return LocalTransactionState.UNKNOW;
            }
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            asked.countDown();
            return LocalTransactionState.COMMIT_MESSAGE;
        }
    }
}
