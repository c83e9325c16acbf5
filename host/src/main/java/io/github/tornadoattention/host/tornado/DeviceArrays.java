package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Inputs and outputs of a plan, in off-heap arrays that its task graphs are bound to; tensors are copied in and out of them. */
final class DeviceArrays {
    final AttentionSpec spec;
    final FloatArray q;
    final FloatArray k;
    final FloatArray v;
    final FloatArray out;
    final FloatArray lse;

    DeviceArrays(AttentionSpec spec) {
        this.spec = spec;
        q = new FloatArray(elements(spec.qShape()));
        k = new FloatArray(elements(spec.kvShape()));
        v = new FloatArray(elements(spec.kvShape()));
        out = new FloatArray(elements(spec.qShape()));
        lse = new FloatArray(elements(spec.lseShape()));
    }

    static int elements(int[] shape) {
        int product = 1;
        for (int length : shape) {
            product = Math.multiplyExact(product, length);
        }
        return product;
    }

    static void copyIn(Tensor from, FloatArray to) {
        MemorySegment.copy(from.segment(), 0, to.getSegment(), 0, to.getNumBytesOfSegment());
    }

    static Tensor copyOut(FloatArray from, int[] shape) {
        return Tensor.of(FloatArray.fromSegment(from.getSegment()), shape);
    }
}
