import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.InvalidPathException;
import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.PathNotFoundException;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

/**
 * What Jayway itself says. In: one line per case, base64(path) TAB base64(document).
 * Out: one line per case: "invalid", or definite TAB kind TAB base64(result as JSON), where kind
 * is value, not-found, soft or hard. Paths are compiled anew each time: compiled ones carry state.
 */
public class Oracle {
    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        var out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            String[] fields = line.split("\t", -1);
            out.println(answer(text(fields[0]), text(fields[1])));
            out.flush();
        }
    }

    static String text(String base64) {
        return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
    }

    static String answer(String expression, String document) {
        JsonPath path;
        try {
            path = JsonPath.compile(expression);
        } catch (Throwable invalid) {
            return "invalid";
        }
        try {
            var configuration = Configuration.defaultConfiguration();
            Object result = path.read(configuration.jsonProvider().parse(document), configuration);
            byte[] json = json(result).getBytes(StandardCharsets.UTF_8);
            return path.isDefinite() + "\tvalue\t" + Base64.getEncoder().encodeToString(json);
        } catch (PathNotFoundException e) {
            return path.isDefinite() + "\tnot-found\t";
        } catch (InvalidPathException e) {
            return path.isDefinite() + "\tsoft\t";
        } catch (Throwable e) {
            return path.isDefinite() + "\thard\t";
        }
    }

    static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            var members = new StringJoiner(",", "{", "}");
            map.forEach((name, member) -> members.add(json(name.toString()) + ":" + json(member)));
            return members.toString();
        }
        if (value instanceof Collection<?> list) {
            var elements = new StringJoiner(",", "[", "]");
            list.forEach(element -> elements.add(json(element)));
            return elements.toString();
        }
        if (value == null || value instanceof Boolean) return String.valueOf(value);
        if (value instanceof Number && !value.toString().matches(".*(NaN|Infinity).*")) return value.toString();
        var quoted = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) quoted.append(String.format("\\u%04x", (int) c));
        return quoted.append('"').toString();
    }
}
