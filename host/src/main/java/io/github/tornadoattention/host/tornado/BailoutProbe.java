package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UnavailableException;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Gives TornadoVM a kernel that it cannot compile, to see that this raises. With its switch {@code tornado.recover.bailout} left on, TornadoVM runs such a kernel as
 * sequential Java instead, for work-item 0 alone, and returns wrong numbers without an exception. {@code attention doctor} runs this in a JVM of its own.
 */
public final class BailoutProbe {
    /** What is printed if the kernel was refused, as it has to be. */
    public static final String REFUSED = "refused";

    /** What is printed if the kernel ran all the same. */
    public static final String RAN = "ran";

    private static final int LENGTH = 64;

    private BailoutProbe() {}

    /** A kernel beyond TornadoVM's code generators: they know no bits of floats. */
    static void tooMuch(KernelContext ctx, FloatArray x) {
        x.set(ctx.globalIdx, Float.floatToRawIntBits(x.get(ctx.globalIdx)) + 1f);
    }

    /** Prints {@link #REFUSED} or {@link #RAN}. */
    public static void main(String[] args) {
        System.out.println(raises(Platform.devices().stream()
                .findFirst()
                .orElseThrow(() -> new UnavailableException("no TornadoVM device"))) ? REFUSED : RAN);
    }

    private static boolean raises(Platform.Device device) {
        FloatArray x = new FloatArray(LENGTH);
        x.init(1f);
        TaskGraph graph = new TaskGraph("probe")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, x)
                .task("tooMuch", BailoutProbe::tooMuch, new KernelContext(), x)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, x);
        try (Stage stage = new Stage(device, false, graph, new GridScheduler("probe.tooMuch", Stage.loop(LENGTH)))) {
            stage.run();
            return false;
        } catch (DeviceException e) {
            return true;
        }
    }
}
