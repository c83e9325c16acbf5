package io.github.tornadoattention.bench.cpu;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** ONNX Runtime's fused attention on the CPU, with its inputs and its output in memory that is made once. */
final class OnnxRuntime implements Peer {
    private final AttentionSpec spec;
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs;
    private final Map<String, OnnxTensor> outputs;
    private final FloatBuffer out;

    OnnxRuntime(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws OrtException {
        this.spec = spec;
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            boolean causal = spec.causal() != Causal.NONE;
            session = environment.createSession(AttentionModel.bytes(spec.heads(), (float) spec.scale(), causal), options);
        }
        inputs = Map.of("q", tensor(rows(q, spec.seqQ()), spec.seqQ()), "k", tensor(rows(k, spec.seqK()), spec.seqK()),
                "v", tensor(rows(v, spec.seqK()), spec.seqK()));
        out = floats(spec.batch() * spec.seqQ() * spec.heads() * spec.headDim());
        outputs = Map.of("out", tensor(out, spec.seqQ()));
    }

    /** Makes it where it computes what the spec says: as many key/value heads as heads, if causal as many keys as queries. */
    static final class Factory implements Maker {
        @Override
        public @Nullable Peer make(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws OrtException {
            boolean supported = spec.heads() == spec.kvHeads() && (spec.causal() == Causal.NONE || spec.seqQ() == spec.seqK());
            return supported ? new OnnxRuntime(spec, threads, q, k, v) : null;
        }
    }

    @Override
    public String name() {
        return "onnxruntime";
    }

    @Override
    public String path() {
        return "MultiHeadAttention";
    }

    @Override
    public String version() {
        return environment.getVersion();
    }

    private static FloatBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    private OnnxTensor tensor(FloatBuffer data, int length) throws OrtException {
        long[] shape = {spec.batch(), length, (long) spec.heads() * spec.headDim()};
        return OnnxTensor.createTensor(environment, data, shape);
    }

    /** {@code [b, h, n, d]} as {@code [b, n, h * d]}. */
    private FloatBuffer rows(Tensor tensor, int length) {
        float[] values = tensor.toArray();
        FloatBuffer rows = floats(values.length);
        for (int at = 0; at < values.length; at++) {
            rows.put(inRows(at, length), values[at]);
        }
        return rows;
    }

    private int inRows(int at, int length) {
        int d = at % spec.headDim();
        int n = at / spec.headDim() % length;
        int h = at / spec.headDim() / length % spec.heads();
        int b = at / spec.headDim() / length / spec.heads();
        return ((b * length + n) * spec.heads() + h) * spec.headDim() + d;
    }

    @Override
    public void run() {
        try (OrtSession.Result result = session.run(inputs, outputs)) {
            if (result.size() != 0 && result.size() != 1) {
                throw new IllegalStateException("%d results".formatted(result.size()));
            }
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public float[] out() {
        float[] values = new float[out.capacity()];
        for (int at = 0; at < values.length; at++) {
            values[at] = out.get(inRows(at, spec.seqQ()));
        }
        return values;
    }

    @Override
    public void close() {
        inputs.values().forEach(OnnxTensor::close);
        outputs.values().forEach(OnnxTensor::close);
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
    }
}
