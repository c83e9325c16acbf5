package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What NVIDIA's profiler counted, from the file that {@code ncu --csv --metrics dram__bytes_read.sum,dram__bytes_write.sum,lts__t_bytes.sum} prints.
 *
 * @param kernels for each kernel, in the order of its first launch, bytes by metric, of its last launch
 */
record ProfilerTraffic(Map<String, Map<String, Double>> kernels) {
    static final String DRAM_READ = "dram__bytes_read.sum";
    static final String DRAM_WRITE = "dram__bytes_write.sum";
    static final String L2 = "lts__t_bytes.sum";

    private static final List<String> COLUMNS = List.of("Kernel Name", "Metric Name", "Metric Unit", "Metric Value");

    /**
     * Reads a file. Lines before the table, which are those of the program that was profiled, are skipped.
     *
     * @throws UsageException if it is unreadable or holds no such table
     */
    static ProfilerTraffic read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(file, Files.exists(file) ? e.getMessage() : "no such file"), e);
        }
        List<String> head = List.of();
        Map<String, Map<String, Double>> kernels = new LinkedHashMap<>();
        for (String line : lines) {
            List<String> cells = cells(line);
            if (cells.containsAll(COLUMNS)) {
                head = cells;
            } else if (!head.isEmpty() && cells.size() == head.size()) {
                kernels.computeIfAbsent(cells.get(head.indexOf("Kernel Name")), name -> new LinkedHashMap<>())
                        .put(cells.get(head.indexOf("Metric Name")), bytes(file, cells.get(head.indexOf("Metric Value")), cells.get(head.indexOf("Metric Unit"))));
            }
        }
        if (kernels.isEmpty()) {
            throw new UsageException("%s holds no table of ncu --csv with the columns %s".formatted(file, String.join(", ", COLUMNS)));
        }
        return new ProfilerTraffic(kernels);
    }

    private static double bytes(Path file, String value, String unit) {
        double factor = switch (unit.toLowerCase(Locale.ROOT)) {
            case "byte", "" -> 1;
            case "kbyte" -> 1e3;
            case "mbyte" -> 1e6;
            case "gbyte" -> 1e9;
            default -> throw new UsageException("%s: unit '%s' of a metric is no size".formatted(file, unit));
        };
        try {
            return factor * Double.parseDouble(value.replace(",", ""));
        } catch (NumberFormatException e) {
            throw new UsageException("%s: '%s' is no number of bytes".formatted(file, value), e);
        }
    }

    /** The cells of a line; commas inside of quotes do not count. */
    private static List<String> cells(String line) {
        List<String> cells = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        for (char c : line.toCharArray()) {
            if (c == '"') {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        cells.add(cell.toString());
        return cells;
    }

    /** A table of it. */
    List<String> lines() {
        Table table = new Table().row("measured by ncu", "device memory read", "written", "second-level cache");
        kernels.forEach((name, metrics) -> table.row(name, bytes(metrics, DRAM_READ), bytes(metrics, DRAM_WRITE), bytes(metrics, L2)));
        return table.lines();
    }

    private static String bytes(Map<String, Double> metrics, String metric) {
        return metrics.containsKey(metric) ? Numbers.bytes(Math.round(metrics.get(metric))) : "";
    }
}
