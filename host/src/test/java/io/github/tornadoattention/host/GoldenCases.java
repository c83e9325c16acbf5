package io.github.tornadoattention.host;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.reference.Exact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Cases with known results, which PyTorch computed in float64 and rounded to float32. */
public final class GoldenCases {
    private GoldenCases() {}

    /** One case: what goes in and what must come out. */
    public record Golden(Inputs inputs, Exact expected) {}

    /** The folder of the cases. */
    public static Path folder() {
        try {
            return Path.of(Objects.requireNonNull(GoldenCases.class.getResource("/golden")).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Map<String, Object> fields() {
        try {
            return JSON.std.mapFrom(Files.readString(folder().resolve("cases.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The names of all cases. */
    public static List<String> names() {
        return List.copyOf(fields().keySet());
    }

    /** Reads one case. */
    public static Golden read(String name) {
        try (ArraySource arrays = ArraySource.npz(folder().resolve(name + ".npz"))) {
            AttentionSpec spec = spec((Map<?, ?>) fields().get(name), arrays);
            Inputs inputs = new Inputs(spec, arrays.floats("q"), arrays.floats("k"), arrays.floats("v"), arrays.floats("dout"));
            Exact expected = new Exact(doubles(arrays, "out"), doubles(arrays, "lse"),
                    doubles(arrays, "dq"), doubles(arrays, "dk"), doubles(arrays, "dv"));
            return new Golden(inputs, expected);
        }
    }

    private static AttentionSpec spec(Map<?, ?> fields, ArraySource arrays) {
        SpecBuilder spec = AttentionSpec
                .builder((int) fields.get("batch"), (int) fields.get("heads"),
                        (int) fields.get("seq_q"), (int) fields.get("head_dim"))
                .kvHeads((int) fields.get("kv_heads"))
                .seqK((int) fields.get("seq_k"))
                .scale((double) fields.get("scale"))
                .softcap((double) fields.get("softcap"));
        if (fields.get("causal") instanceof String causal) {
            spec.causal(causal.equals("top-left") ? Causal.TOP_LEFT : Causal.BOTTOM_RIGHT);
        }
        if (fields.get("window") instanceof List<?> window) {
            spec.window((int) window.get(0), (int) window.get(1));
        }
        if (fields.get("key_lengths") instanceof List<?> lengths) {
            spec.keyLengths(lengths.stream().mapToInt(Integer.class::cast).toArray());
        }
        if ((boolean) fields.get("alibi")) {
            spec.alibi();
        }
        if (fields.get("block") instanceof Map<?, ?> block) {
            List<Integer> shape = arrays.header("block_mask").shape();
            int heads = shape.size() == 2 ? 1 : shape.getFirst();
            spec.blockMask(new BlockMask((int) block.get("size"), heads, shape.get(shape.size() - 2), shape.getLast(),
                    arrays.flags("block_mask")));
        }
        return spec.build();
    }

    private static double[] doubles(ArraySource arrays, String name) {
        float[] floats = arrays.floats(name).toArray();
        double[] doubles = new double[floats.length];
        for (int n = 0; n < floats.length; n++) {
            doubles[n] = floats[n];
        }
        return doubles;
    }
}
