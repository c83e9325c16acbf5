package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** What was reached on each device against what it can do at most: as a roofline, and as shares of the ceilings. */
final class RooflineSection {
    private RooflineSection() {}

    /** A roofline for each device whose ceilings were measured. */
    static void write(Page page, Data data) {
        boolean headed = false;
        for (List<Result> place : Data.places(data.all())) {
            double flops = ceiling(place, "ceiling multiply-adds", "tflops");
            double tensor = ceiling(place, "ceiling tensor multiply-adds", "tflops");
            double copy = ceiling(place, "ceiling copy", "gb_per_s");
            double local = ceiling(place, "ceiling local reads", "gb_per_s");
            List<Result> timed = place.stream()
                    .filter(r -> r.timed() && r.get("block") == null && r.is("direction", "both") && intensity(r) > 0)
                    .toList();
            if (!(flops > 0) || !(copy > 0) || timed.isEmpty()) {
                continue;
            }
            if (!headed) {
                page.heading("Roofline");
                page.paragraph("What a device can do is what small kernels of the harness reached, compiled by TornadoVM and the "
                        + "driver as attention's are: where the compiler is the limit, as with PTX, the hardware could do more.");
                headed = true;
            }
            String products = tensor > 0 ? ", 16-bit products on tensor cores " + Lines.rate(tensor) : "";
            page.paragraph("%s: fused multiply-adds %s%s, copy %.0f GB/s, local memory %.0f GB/s."
                    .formatted(Data.place(place.getFirst()), Lines.rate(flops), products, copy, local));
            Plot plot = new Plot("Roofline: " + Data.place(place.getFirst()),
                    "FLOP per byte of device memory, each byte once", true, "TFLOP/s executed, forward and backward", true);
            Data.by(timed, RooflineSection::name).forEach((name, results) -> {
                List<Result> rising = results.stream().sorted(Comparator.comparingDouble(RooflineSection::intensity)).toList();
                double[] intensities = rising.stream().mapToDouble(RooflineSection::intensity).toArray();
                plot.points(name, intensities, Data.numbers(rising, "executed_tflops"));
            });
            double right = timed.stream().mapToDouble(RooflineSection::intensity).max().orElse(1);
            bound(plot, "multiply-adds, or copying", flops, copy, right);
            if (tensor > 0) {
                bound(plot, "tensor cores, or copying", tensor, copy, right);
            }
            page.figure(plot, "Rate against arithmetic intensity; below the bent lines of what the device can do. Bytes are the "
                    + "IO model's; where 16 bits do not go to tensor cores, those of inputs and outputs. On tensor cores a "
                    + "product of float32 counts as the three of float16 that it takes.", Data.commands(timed));
            shares(page, place);
        }
    }

    private static void bound(Plot plot, String name, double flops, double copy, double right) {
        double knee = flops * 1000 / copy;
        plot.bound(name, new double[] {1, knee, Math.max(knee, right)}, new double[] {copy / 1000, flops, flops});
    }

    /** The best share of its ceiling that each kind of attention reached. */
    private static void shares(Page page, List<Result> place) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("most of the ceiling that was reached", "shape", "executed",
                "share of multiply-adds, or of tensor cores where they multiplied"));
        List<Result> shares = place.stream().filter(r -> r.timed() && r.number("ceiling_fraction") > 0).toList();
        Data.by(shares, r -> name(r) + " " + r.text("direction")).forEach((name, results) -> {
            Result most = Collections.max(results, Comparator.comparingDouble(r -> r.number("ceiling_fraction")));
            rows.add(List.of(name, most.shape() + most.options(" "),
                    Lines.rate(most.number("executed_tflops")), "%.0f%%".formatted(100 * most.number("ceiling_fraction"))));
        });
        if (rows.size() > 1) {
            page.table(rows);
        }
    }

    private static String name(Result r) {
        return r.text("algorithm") + " " + r.type();
    }

    /** The most that small kernels reached; 0 if none ran. */
    static double ceiling(List<Result> place, String algorithm, String field) {
        return place.stream().filter(r -> r.is("algorithm", algorithm)).mapToDouble(r -> r.number(field)).max().orElse(0);
    }

    private static double intensity(Result r) {
        double model = ModelBytes.once(r);
        double bytes = model > 0 || r.is("dtype", "fp32") ? model : r.tensorBytes();
        return r.number("executed_tflops") * 1e12 * r.number("median_ms") / 1e3 / bytes;
    }
}
