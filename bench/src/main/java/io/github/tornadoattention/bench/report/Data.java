package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The results that a report is made of: of measurements of the same thing, the last one. */
final class Data {
    private static final int MOST_COMMANDS = 8;
    private static final Pattern PYTORCH = Pattern.compile(
            "bench/peers/torch_sdpa.py --dtype (\\S+) --path (\\S+) --causal (\\S+) (\\S+)");

    private final List<Result> results;
    private final List<Result> profiled;

    Data(List<Result> all) {
        Map<String, Result> latest = new LinkedHashMap<>();
        Map<String, Result> counted = new LinkedHashMap<>();
        for (Result result : all) {
            if (result.profiled()) {
                if (result.number("dram_bytes") > 0) {
                    counted.put(result.identity(), result);
                }
                continue;
            }
            // one that failed does not hide an earlier one that did not
            if (result.timed() || !latest.containsKey(result.identity()) || !latest.get(result.identity()).timed()) {
                latest.put(result.identity(), result);
            }
        }
        results = List.copyOf(latest.values());
        profiled = List.copyOf(counted.values());
    }

    /** What a profiler counted; none of these is among the others. */
    List<Result> profiled() {
        return profiled;
    }

    List<Result> all() {
        return results;
    }

    /** Those with a time, of attention. */
    List<Result> timed() {
        return only(result -> result.timed() && result.get("seq_q") != null);
    }

    List<Result> only(Predicate<Result> wanted) {
        return results.stream().filter(wanted).toList();
    }

    /** Groups in the order of their keys. */
    static <K extends Comparable<K>> TreeMap<K, List<Result>> by(Collection<Result> results, Function<Result, K> key) {
        TreeMap<K, List<Result>> groups = new TreeMap<>();
        results.forEach(result -> groups.computeIfAbsent(key.apply(result), k -> new ArrayList<>()).add(result));
        return groups;
    }

    /** The results of each place, the fastest place first. */
    static List<List<Result>> places(Collection<Result> results) {
        return by(results, Data::place).values().stream().sorted(Comparator.comparingDouble(Data::rate).reversed()).toList();
    }

    /** Devices of results in words, the fastest first. */
    static List<String> devices(Collection<Result> results) {
        return by(results, Data::device).values().stream().sorted(Comparator.comparingDouble(Data::rate).reversed())
                .map(of -> device(of.getFirst())).toList();
    }

    /** The highest rate of results, in TFLOP/s; 0 if none has one. */
    private static double rate(List<Result> results) {
        return results.stream().mapToDouble(r -> r.number("tflops")).filter(rate -> rate > 0).max().orElse(0);
    }

    /** Who measured: backend, driver and device in words. */
    static String place(Result result) {
        String driver = result.get("driver") == null ? "" : " " + result.text("driver");
        return "%s%s, %s".formatted(result.text("backend"), driver, device(result));
    }

    /** The device without what its maker's lawyers add. */
    static String device(Result result) {
        return result.text("device").replaceAll("\\((R|TM)\\)| Processor|NVIDIA |pthread-", "");
    }

    /** Likewise, short: for legends of plots with one device. */
    static String who(Result result) {
        String driver = result.get("driver") == null ? "" : " " + result.text("driver");
        return "%s%s %s%s".formatted(result.text("backend"), driver, result.text("algorithm"),
                result.splitsFloats() ? " on tensor cores" : "");
    }

    static double[] numbers(List<Result> results, String field) {
        return results.stream().mapToDouble(result -> result.number(field)).toArray();
    }

    static boolean isTrue(Result result, String field) {
        return Boolean.TRUE.equals(result.get(field));
    }

    /** What stands before a command to say which of TornadoVM's SDKs it was; "" where that does not matter. */
    private static String sdk(Result result) {
        String driver = result.text("driver");
        if (!result.text("backend").startsWith("tornado") || driver.isEmpty() || result.text("command").isEmpty()) {
            return "";
        }
        return "TORNADOVM_HOME=<%s SDK> ".formatted(driver.equals("opencl") ? "OpenCL" : driver.toUpperCase(Locale.ROOT));
    }

    /**
     * The commands that made results, without their {@code --only}, with the SDK that they need; those of PyTorch's script as
     * one.
     */
    static List<String> commands(List<Result> results) {
        Set<String> commands = new LinkedHashSet<>();
        List<Set<String>> pytorch = Stream.generate(() -> (Set<String>) new LinkedHashSet<String>()).limit(4).toList();
        for (Result result : results) {
            Matcher script = PYTORCH.matcher(result.text("command"));
            if (script.matches()) {
                for (int n = 0; n < pytorch.size(); n++) {
                    pytorch.get(n).add(script.group(n + 1));
                }
            } else {
                commands.add(sdk(result) + result.text("command").replaceAll(" --only .*", ""));
            }
        }
        commands.remove("");
        List<String> few = new ArrayList<>(commands.stream().limit(MOST_COMMANDS).toList());
        if (!pytorch.getFirst().isEmpty()) {
            few.add("bench/peers/torch_sdpa.py --dtype %s --path %s --causal %s %s".formatted(String.join(",", pytorch.get(0)),
                    String.join(",", pytorch.get(1)), String.join(",", pytorch.get(2)), String.join(" ", pytorch.get(3))));
        }
        return List.copyOf(few);
    }
}
