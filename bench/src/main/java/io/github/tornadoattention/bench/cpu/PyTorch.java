package io.github.tornadoattention.bench.cpu;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** PyTorch's scaled dot product attention on the CPU, through DJL: the path that it takes by itself. */
final class PyTorch implements Peer {
    private final AttentionSpec spec;
    private final Model model;
    private final NDManager manager;
    private final Predictor<NDList, NDList> predictor;
    private final NDList inputs;
    private float[] last = new float[0];

    PyTorch(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws IOException, MalformedModelException {
        this.spec = spec;
        model = Model.newInstance("attention", "PyTorch");
        model.load(new ByteArrayInputStream(AttentionScript.bytes(spec.causal() != Causal.NONE, spec.scale())));
        JniUtils.setNumThreads(threads);
        manager = model.getNDManager().newSubManager();
        predictor = model.newPredictor(new NoopTranslator());
        inputs = new NDList(array(q), array(k), array(v));
    }

    /** Makes it where it computes what the spec says: as many key/value heads as heads, if causal as many keys as queries. */
    static final class Factory implements Maker {
        @Override
        public @Nullable Peer make(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v)
                throws IOException, MalformedModelException {
            boolean supported = spec.heads() == spec.kvHeads() && (spec.causal() == Causal.NONE || spec.seqQ() == spec.seqK());
            return supported ? new PyTorch(spec, threads, q, k, v) : null;
        }
    }

    private NDArray array(Tensor tensor) {
        return manager.create(tensor.toArray(), new Shape(Arrays.stream(tensor.shape()).asLongStream().toArray()));
    }

    @Override
    public String name() {
        return "pytorch";
    }

    @Override
    public String path() {
        return "scaled_dot_product_attention";
    }

    @Override
    public String version() {
        return Engine.getEngine("PyTorch").getVersion();
    }

    @Override
    public void run() {
        compute(false);
    }

    @Override
    public float[] out() {
        compute(true);
        return last;
    }

    private void compute(boolean keep) {
        try {
            NDList result = predictor.predict(inputs);
            if (keep) {
                last = result.singletonOrThrow().toFloatArray();
                if (last.length != spec.batch() * spec.heads() * spec.seqQ() * spec.headDim()) {
                    throw new IllegalStateException("%d results".formatted(last.length));
                }
            }
            result.close();
        } catch (TranslateException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        predictor.close();
        manager.close();
        model.close();
    }
}
