package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Inputs and outputs of a plan, in off-heap arrays that its task graphs are bound to; tensors are copied in and out of them. */
final class DeviceArrays {
    final Operand q;
    final Operand k;
    final Operand v;
    final Operand out;
    final Operand lse;
    /** One element without a bias; kernels do not read it. */
    final Operand bias;
    /** One word without a mask; kernels do not read it. */
    final IntArray mask;
    private final DType outside;
    private final DType crossing;
    private final int[] qShape;
    private final int[] kvShape;
    private @Nullable GradientArrays gradients;

    /**
     * Arrays for a spec.
     *
     * @param crossing type of the arrays that cross over: the spec's, or float32 if the host converts
     */
    DeviceArrays(AttentionSpec spec, DType crossing) {
        this(spec.dtype(), crossing, spec.qShape(), spec.kvShape(), spec.lseShape(), spec.biasShape(), spec.maskShape());
    }

    /** Likewise, for tensors of a type and of these shapes, without bias and mask. */
    DeviceArrays(DType outside, DType crossing, int[] qShape, int[] kvShape, int[] lseShape) {
        this(outside, crossing, qShape, kvShape, lseShape, null, null);
    }

    private DeviceArrays(DType outside, DType crossing, int[] qShape, int[] kvShape, int[] lseShape, int @Nullable [] biasShape,
            int @Nullable [] maskShape) {
        this.outside = outside;
        this.crossing = crossing;
        this.qShape = qShape.clone();
        this.kvShape = kvShape.clone();
        q = operand(qShape);
        k = operand(kvShape);
        v = operand(kvShape);
        out = operand(qShape);
        lse = new Operand(DType.FP32, DType.FP32, lseShape);
        bias = new Operand(DType.FP32, DType.FP32, biasShape == null ? new int[] {1} : biasShape);
        mask = new IntArray(maskShape == null ? 1 : DenseMask.words(maskShape));
    }

    /** Takes over what a call works on. */
    void copyIn(AttentionInputs inputs) {
        q.copyIn(inputs.q());
        k.copyIn(inputs.k());
        v.copyIn(inputs.v());
        Tensor givenBias = inputs.bias();
        if (givenBias != null) {
            bias.copyIn(givenBias);
        }
        DenseMask givenMask = inputs.mask();
        if (givenMask != null) {
            MemorySegment.copy(MemorySegment.ofArray(givenMask.words()), 0, mask.getSegment(), 0, mask.getNumBytesOfSegment());
        }
    }

    /** What the backward pass needs besides, made when first asked for. */
    GradientArrays gradients() {
        if (gradients == null) {
            gradients = new GradientArrays(operand(qShape), new FloatArray(lse.size()), operand(qShape), operand(kvShape),
                    operand(kvShape), new Operand(DType.FP32, DType.FP32, bias.shape()));
        }
        return gradients;
    }

    private Operand operand(int[] shape) {
        return new Operand(outside, crossing, shape);
    }

    /** Arrays of the backward pass; delta is D, {@code [batch, heads, seqQ]}, and stays on the device. */
    record GradientArrays(Operand dOut, FloatArray delta, Operand dq, Operand dk, Operand dv, Operand dBias) {
        /** The gradient of the bias, nothing if the spec has none. */
        Operand[] ofBias(AttentionSpec spec) {
            return spec.biasShape() == null ? new Operand[0] : new Operand[] {dBias};
        }
    }
}
