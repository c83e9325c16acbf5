package io.github.tornadoattention.bench.device;

import com.sun.management.OperatingSystemMXBean;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceMemoryException;
import java.lang.management.ManagementFactory;
import java.util.List;

/** Sizes of what attention takes and gives. */
final class Bytes {
    private Bytes() {}

    /** Bytes of inputs and outputs: q, k, v, out and lse; backward also dOut, dq, dk and dv. */
    static long ofTensors(AttentionSpec spec, String direction) {
        return (long) new Result().with(spec).with("dtype", spec.dtype().toString()).with("direction", direction).tensorBytes();
    }

    /** Bytes of memory that this machine has, or its container may use. */
    static long ofMachine() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    /**
     * Refuses tensors that the machine cannot hold: systems promise more memory than they have, and end the process that uses it.
     *
     * @throws DeviceMemoryException if they are larger than its memory
     */
    static void requireFit(long tensors, long machine) {
        if (tensors > machine) {
            throw new DeviceMemoryException("inputs and outputs take %.1f GiB, this machine has %.1f"
                    .formatted(tensors / (double) (1 << 30), machine / (double) (1 << 30)));
        }
    }

    /**
     * Bytes that measuring a job takes at most, on the host and on the device each: tensors in and out of plans, for each pass,
     * and standard attention's matrices.
     */
    static long toMeasure(Job job) {
        AttentionSpec spec = job.spec();
        boolean forward = job.directions().equals(List.of("forward"));
        long matrix = (long) spec.batch() * spec.heads() * spec.seqQ() * spec.seqK() * Float.BYTES;
        boolean written = job.how() == Algorithm.STANDARD && matrix / Float.BYTES <= Integer.MAX_VALUE;
        return 2 * ofTensors(spec.withDtype(DType.FP32), forward ? "forward" : "backward")
                + (written ? (forward ? 1 : 3) * matrix : 0);
    }
}
