package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.util.Locale;

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
