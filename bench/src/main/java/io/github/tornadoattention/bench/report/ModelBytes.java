package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.util.Locale;
import java.util.OptionalLong;

/** The IO model's bytes of a result, with each element once a launch. */
final class ModelBytes {
    private ModelBytes() {}

    /**
     * What the result says; where it says nothing, since it was taken before there was a model of kernels on tensor cores, what
     * the model says now of dense attention there. NaN if nobody knows.
     */
    static double once(Result r) {
        if (r.number("bytes_model") > 0 || !r.is("units", Result.TENSOR_CORES) || !r.is("backend", "tornado")
                || !r.is("algorithm", "flash") || Data.isTrue(r, "key_mask")) {
            return r.number("bytes_model");
        }
        AttentionSpec spec = spec(r);
        return TrafficModel.takenByTensorCores(spec) ? TrafficModel.onTensorCores(spec).bytesOnce(r.text("direction"))
                : Double.NaN;
    }

    /** What work-items move in dense attention on a device, as if no cache held anything. */
    static double moved(Result r) {
        AttentionSpec spec = spec(r);
        TrafficModel model = r.is("units", Result.TENSOR_CORES) ? TrafficModel.onTensorCores(spec)
                : TrafficModel.of(spec, r.is("algorithm", "standard") ? Algorithm.STANDARD : Algorithm.FLASH);
        return model.bytes(r.text("direction"));
    }

    /**
     * What work-items read from and write to local memory in dense flash attention by multiply-adds, with the tiles of a device
     * with 48 KiB of it; NaN elsewhere, where it is not counted.
     */
    static double local(Result r) {
        if (!r.is("backend", "tornado") || !r.is("algorithm", "flash") || !r.is("units", "fma") || r.number("density") != 1
                || r.number("dropout") > 0 || Data.isTrue(r, "key_mask") || r.get("block") != null) {
            return Double.NaN;
        }
        OptionalLong bytes = TrafficModel.of(spec(r), Algorithm.FLASH).localBytes(r.text("direction"));
        return bytes.isPresent() ? bytes.getAsLong() : Double.NaN;
    }

    private static AttentionSpec spec(Result r) {
        return AttentionSpec
                .builder((int) r.number("batch"), (int) r.number("heads"), (int) r.number("seq_q"), (int) r.number("head_dim"))
                .kvHeads((int) r.number("kv_heads"))
                .seqK((int) r.number("seq_k"))
                .causal(Data.isTrue(r, "causal") ? Causal.BOTTOM_RIGHT : Causal.NONE)
                .dtype(DType.valueOf(r.text("dtype").toUpperCase(Locale.ROOT)))
                .build();
    }
}
