package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Inputs and outputs of a plan, in off-heap arrays that its task graphs are bound to; tensors are copied in and out of them. */
final class DeviceArrays {
    final Operand q;
    final Operand k;
    final Operand v;
    final Operand out;
    final Operand lse;
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
        this(spec.dtype(), crossing, spec.qShape(), spec.kvShape(), spec.lseShape());
    }

    /** Likewise, for tensors of a type and of these shapes. */
    DeviceArrays(DType outside, DType crossing, int[] qShape, int[] kvShape, int[] lseShape) {
        this.outside = outside;
        this.crossing = crossing;
        this.qShape = qShape.clone();
        this.kvShape = kvShape.clone();
        q = operand(qShape);
        k = operand(kvShape);
        v = operand(kvShape);
        out = operand(qShape);
        lse = new Operand(DType.FP32, DType.FP32, lseShape);
    }

    /** What the backward pass needs besides, made when first asked for. */
    GradientArrays gradients() {
        if (gradients == null) {
            gradients = new GradientArrays(operand(qShape), new FloatArray(lse.size()), operand(qShape), operand(kvShape),
                    operand(kvShape));
        }
        return gradients;
    }

    private Operand operand(int[] shape) {
        return new Operand(outside, crossing, shape);
    }

    /** Arrays of the backward pass; delta is D, {@code [batch, heads, seqQ]}, and stays on the device. */
    record GradientArrays(Operand dOut, FloatArray delta, Operand dq, Operand dk, Operand dv) {}
}
