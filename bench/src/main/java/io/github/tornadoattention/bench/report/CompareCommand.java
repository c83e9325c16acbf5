package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench compare}: two files of results side by side, two commits or two machines. */
@Command(name = "compare", description = "Shows two files of results side by side and flags changes beyond their spread.")
public final class CompareCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(index = "0", paramLabel = "A.jsonl", description = "Results before, or of one machine.")
    private Path before = Path.of("");

    @Parameters(index = "1", paramLabel = "B.jsonl", description = "Results after, or of another machine.")
    private Path after = Path.of("");

    @Option(names = "--strict", description = "End with 1 if anything became slower beyond the spread.")
    private boolean strict;

    /** Prints to a terminal. */
    public CompareCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        List<Result> a = new Data(ResultsFile.read(before, terminal.err())).timed();
        List<Result> b = new Data(ResultsFile.read(after, terminal.err())).timed();
        List<String> by = new ArrayList<>(Result.IDENTITY);
        // two machines: the device differs everywhere, so it says nothing
        boolean sameDevice = a.stream().map(r -> r.text("device"))
                .anyMatch(device -> b.stream().anyMatch(r -> r.text("device").equals(device)));
        if (!sameDevice) {
            by.remove("device");
        }
        // lines from before this field was written have none
        if (a.stream().noneMatch(r -> r.get("units") != null) || b.stream().noneMatch(r -> r.get("units") != null)) {
            by.remove("units");
        }
        // two drivers: what each has for a shape, multiply-adds here and tensor cores there
        boolean sameDriver = !Collections.disjoint(drivers(a), drivers(b));
        if (!sameDriver) {
            by.removeAll(List.of("driver", "units"));
        }
        Map<String, Result> firsts = named(a, by, sameDevice);
        Map<String, Result> others = named(b, by, sameDevice);
        if (Collections.disjoint(firsts.keySet(), others.keySet())) {
            throw new UsageException("%s and %s have no measurement in common".formatted(before, after));
        }
        if (!sameDevice || !sameDriver) {
            terminal.print("A: " + places(a));
            terminal.print("B: " + places(b));
        }
        int faster = 0;
        int slower = 0;
        int within = 0;
        int width = firsts.entrySet().stream().filter(first -> others.containsKey(first.getKey()))
                .mapToInt(first -> name(first.getValue()).length()).max().orElse(0);
        terminal.print("%s %12s %12s %8s".formatted(" ".repeat(width), "A ms", "B ms", "B/A"));
        for (Map.Entry<String, Result> first : firsts.entrySet()) {
            Result r = first.getValue();
            Result other = others.remove(first.getKey());
            if (other == null) {
                continue;
            }
            String verdict = verdict(r, other);
            faster += verdict.equals("faster") ? 1 : 0;
            slower += verdict.equals("slower") ? 1 : 0;
            within += verdict.isEmpty() ? 1 : 0;
            String name = name(r);
            terminal.print("%s %12s %12s %8.2f  %-6s  %s".formatted(name + " ".repeat(width - name.length()),
                    Lines.time(r.number("median_ms")), Lines.time(other.number("median_ms")),
                    other.number("median_ms") / r.number("median_ms"), verdict,
                    units(r, other)).stripTrailing());
        }
        int both = faster + slower + within;
        terminal.print("%d in both: %d faster and %d slower beyond the spread, %d within; %d only in A, %d only in B"
                .formatted(both, faster, slower, within,
                firsts.size() - both, others.size()));
        return strict && slower > 0 ? Failure.CHECK_FAILED : Failure.DONE;
    }

    private static Set<String> drivers(List<Result> results) {
        return results.stream().map(r -> r.text("driver")).collect(Collectors.toSet());
    }

    /** Results by what they are of; of several, the one on tensor cores, which is what runs by itself. */
    private static Map<String, Result> named(List<Result> results, List<String> by, boolean sameDevice) {
        Map<String, Result> named = new LinkedHashMap<>();
        for (Result r : results) {
            // machines differ in how many threads "all" are
            boolean all = !sameDevice && r.number("threads") > 1;
            String what = all ? r.identity(by).replaceAll("threads=\\d+", "threads=all") : r.identity(by);
            named.merge(what, r, (first, next) -> first.is("units", Result.TENSOR_CORES) ? first : next);
        }
        return named;
    }

    private static String places(List<Result> results) {
        return String.join("; ", results.stream().map(Data::place).distinct().toList());
    }

    /** Says so if tensor cores multiplied in one of them only. */
    private static String units(Result a, Result b) {
        boolean first = a.is("units", Result.TENSOR_CORES);
        return first == b.is("units", Result.TENSOR_CORES) ? "" : "tensor cores in %s".formatted(first ? "A" : "B");
    }

    /** Beyond the spread: the ranges from the 10th to the 90th percentile do not touch. */
    static String verdict(Result a, Result b) {
        if (low(b) > high(a)) {
            return "slower";
        }
        return high(b) < low(a) ? "faster" : "";
    }

    /** Results without a spread have none. */
    private static double low(Result r) {
        return r.get("p10_ms") == null ? r.number("median_ms") : r.number("p10_ms");
    }

    private static double high(Result r) {
        return r.get("p90_ms") == null ? r.number("median_ms") : r.number("p90_ms");
    }

    private static String name(Result r) {
        return "%s %s %s %s%s%s%s%s".formatted(Data.who(r), r.text("dtype"), r.text("direction"), r.shape(), r.options(" "),
                r.number("density") < 1 ? " density %.3f".formatted(r.number("density")) : "",
                r.get("block") == null ? "" : " tiles " + r.get("block"),
                r.get("threads") == null ? "" : " threads " + r.get("threads"));
    }
}
