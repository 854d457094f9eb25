import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * An upstream producer, by Apache Kafka's own client: sends what it is told on standard
 * input and says on standard output what the brokers have acknowledged.
 *
 * <p>A line in: number, topic, key, value, then any number of header names and values,
 * separated by spaces; all but number and topic are base64, and a key that is "-" is none.
 * A line out: the number and "ok", or the number, "failed" and why.
 */
public final class Upstream {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        properties.put("linger.ms", "5");
        properties.put("request.timeout.ms", "3000");
        properties.put("delivery.timeout.ms", "120000");
        properties.put("max.block.ms", "120000");
        properties.put("reconnect.backoff.max.ms", "500");
        ByteArraySerializer bytes = new ByteArraySerializer();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, bytes, bytes)) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ");
                String number = words[0];
                producer.send(record(words), (metadata, failure) -> {
                    synchronized (out) {
                        out.println(number + (failure == null ? " ok" : " failed " + failure));
                        out.flush();
                    }
                });
            }
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String[] words) {
        byte[] key = words[2].equals("-") ? null : decoded(words[2]);
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(words[1], key, decoded(words[3]));
        for (int at = 4; at + 1 < words.length; at += 2) {
            String name = new String(decoded(words[at]), StandardCharsets.UTF_8);
            record.headers().add(name, decoded(words[at + 1]));
        }
        return record;
    }

    private static byte[] decoded(String word) {
        return Base64.getDecoder().decode(word);
    }
}
