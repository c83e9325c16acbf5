package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.Options;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a tiling was measured for; it is used where all of this is the same.
 *
 * @param device the device in words
 * @param driver its driver's name
 * @param tornadoVm TornadoVM's version
 * @param kernel the kernel's class
 * @param headDim head dim
 * @param dtype what the kernel reads: fp32 for kernels that compute on floats, whatever the tensors hold
 * @param blocks 0 without a block mask, else {@link TileTable#sizeClass}
 * @param band whether the kernel is compiled with a diagonal or window
 */
record TuningKey(String device, String driver, String tornadoVm, String kernel, int headDim, DType dtype, int blocks,
        boolean band) {
    /** The key of a kernel that computes a spec on a device, with tiles that divide blocks of {@code blockSize}, 0 = any. */
    static TuningKey of(Platform.Device device, Class<?> kernel, AttentionSpec spec, int blockSize) {
        return new TuningKey(device.description(), device.driverName(), device.tornadoVm(), kernel.getSimpleName(),
                spec.headDim(),
                TileTable.isTensor(kernel) ? spec.dtype() : DType.FP32, TileTable.sizeClass(blockSize),
                (Arguments.options(spec) & Options.BAND) != 0);
    }

    static int blockSize(AttentionSpec spec) {
        BlockMask mask = spec.blockMask();
        return mask == null ? 0 : mask.size();
    }

    /** The fields as the file has them. */
    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("device", device);
        fields.put("driver", driver);
        fields.put("tornadovm", tornadoVm);
        fields.put("kernel", kernel);
        fields.put("head_dim", headDim);
        fields.put("dtype", dtype.toString());
        fields.put("blocks", blocks);
        fields.put("band", band);
        return fields;
    }
}
