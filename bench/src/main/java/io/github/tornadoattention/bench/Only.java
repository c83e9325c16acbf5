package io.github.tornadoattention.bench;

import io.github.tornadoattention.host.UsageException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** The measurements that {@code --only k=v,...} leaves; {@code k=v|w} allows two values. */
public final class Only {
    private final Map<String, String> wanted = new LinkedHashMap<>();

    /**
     * Reads the words.
     *
     * @throws UsageException if a name is no field that identifies results
     */
    public Only(Map<String, String> words) {
        words.forEach((field, value) -> {
            if (!Result.IDENTITY.contains(field)) {
                throw new UsageException("--only %s: known are %s".formatted(field, String.join(", ", Result.IDENTITY)));
            }
            wanted.put(field, value);
        });
    }

    /** Whether this leaves everything. */
    public boolean isEmpty() {
        return wanted.isEmpty();
    }

    /** The same, whatever this field is. */
    public Only besides(String field) {
        Map<String, String> others = new LinkedHashMap<>(wanted);
        others.remove(field);
        return new Only(others);
    }

    /** The words, as they stand after {@code --only}. */
    @Override
    public String toString() {
        return wanted.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue()).collect(Collectors.joining(","));
    }

    /** Whether a result, measured or not, has all these values. */
    public boolean matches(Result result) {
        return wanted.entrySet().stream().allMatch(entry -> Arrays.asList(entry.getValue().replace(" ", "").split("\\|", -1))
                .contains(Result.plain(result.get(entry.getKey())).replace(" ", "")));
    }

    /** The words that select exactly this result. */
    public static String of(Result result, String... fields) {
        return Arrays.stream(fields).map(field -> field + "=" + Result.plain(result.get(field))).collect(Collectors.joining(","));
    }
}
