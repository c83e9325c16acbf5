package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UnavailableException;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Gives TornadoVM a kernel that it cannot compile, to see that this raises. With its switch {@code tornado.recover.bailout} left
 * on, TornadoVM runs such a kernel as sequential Java instead, for work-item 0 alone, and returns wrong numbers without an
 * exception. {@code attention doctor} runs this in a JVM of its own.
 */
public final class BailoutProbe {
    /** What is printed if the kernel was refused, as it has to be, or did what it should. */
    public static final String REFUSED = "refused";

    /** What is printed if the kernel ran as something else. */
    public static final String RAN = "ran";

    private static final int LENGTH = 64;

    private BailoutProbe() {}

    /** A kernel that no C compiler takes, because of its name. */
    static void struct(KernelContext ctx, FloatArray x) {
        x.set(ctx.globalIdx, x.get(ctx.globalIdx) + 1f);
    }

    /** Prints {@link #REFUSED} or {@link #RAN}. */
    public static void main(String[] args) {
        System.out.println(raisesOrWorks(Platform.devices().stream()
                .findFirst()
                .orElseThrow(() -> new UnavailableException("no TornadoVM device"))) ? REFUSED : RAN);
    }

    private static boolean raisesOrWorks(Platform.Device device) {
        Operand x = new Operand(DType.FP32, DType.FP32, new int[] {LENGTH});
        x.floats().init(1f);
        Tasks tasks = new Tasks("probe")
                .inputs(x)
                .task("struct", Stage.loop(LENGTH), g -> g.task("struct", BailoutProbe::struct, new KernelContext(), x.floats()))
                .outputs(x);
        try (Stage stage = tasks.stage(device, false)) {
            stage.upload();
            stage.run();
            stage.fetch();
            // a driver without a C compiler may take it, and then every work-item has done its part
            return x.floats().get(LENGTH - 1) == 2f;
        } catch (DeviceException e) {
            return true;
        }
    }
}
