package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Standard normal inputs of an attention, the same on every machine; made in parallel, off the Java heap. Each is drawn from
 * 65536 standard normal numbers, which is ten times faster than to make billions of new ones.
 *
 * @param q {@code [batch, heads, seqQ, headDim]}
 * @param k {@code [batch, kvHeads, seqK, headDim]}
 * @param v likewise
 * @param dOut shaped as q
 */
public record RandomTensors(Tensor q, Tensor k, Tensor v, Tensor dOut) {
    private static final int CHUNK = 1 << 16;
    private static final float[] NORMAL = normal();

    private static float[] normal() {
        SplittableRandom random = new SplittableRandom(0);
        float[] values = new float[CHUNK];
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return values;
    }

    static RandomTensors of(AttentionSpec spec) {
        return new RandomTensors(normal(1, spec.dtype(), spec.qShape()), normal(2, spec.dtype(), spec.kvShape()),
                normal(3, spec.dtype(), spec.kvShape()), normal(4, spec.dtype(), spec.qShape()));
    }

    static Tensor normal(long seed, DType dtype, int... shape) {
        Tensor tensor = Tensor.zeros(dtype, shape);
        short[] narrow = dtype == DType.FP32 ? new short[0] : narrow(dtype);
        IntStream.range(0, Math.ceilDiv(tensor.size(), CHUNK)).parallel().forEach(chunk -> {
            SplittableRandom random = new SplittableRandom(seed << 32 | chunk);
            int from = chunk * CHUNK;
            int count = Math.min(CHUNK, tensor.size() - from);
            if (dtype == DType.FP32) {
                float[] values = new float[count];
                for (int n = 0; n < count; n++) {
                    values[n] = NORMAL[random.nextInt() & CHUNK - 1];
                }
                tensor.write(values, 0, from, count);
            } else {
                short[] values = new short[count];
                for (int n = 0; n < count; n++) {
                    values[n] = narrow[random.nextInt() & CHUNK - 1];
                }
                MemorySegment.copy(values, 0, tensor.segment(), ValueLayout.JAVA_SHORT_UNALIGNED,
                        (long) from * Short.BYTES, count);
            }
        });
        return tensor;
    }

    /** The bits of the normal numbers in 16. */
    private static short[] narrow(DType dtype) {
        Tensor rounded = Tensor.zeros(dtype, CHUNK);
        rounded.write(NORMAL, 0, 0, CHUNK);
        return rounded.segment().toArray(ValueLayout.JAVA_SHORT_UNALIGNED);
    }
}
