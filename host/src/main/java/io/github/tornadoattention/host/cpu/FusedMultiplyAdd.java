package io.github.tornadoattention.host.cpu;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;

/**
 * Whether {@link Math#fma} is one instruction here. Where it is not (x86 before 2013, some small ones later,
 * emulators), it computes with {@code BigDecimal}, hundreds of times slower.
 */
final class FusedMultiplyAdd {
    static final boolean FAST = isFast();

    private FusedMultiplyAdd() {}

    /**
     * Asks the JVM, so that the answer, and with it every bit of every result, is the same in each run; one that cannot
     * tell has it.
     */
    private static boolean isFast() {
        try {
            HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
            return vm == null || Boolean.parseBoolean(vm.getVMOption("UseFMA").getValue());
        } catch (IllegalArgumentException unknownOption) {
            return true;
        }
    }
}
