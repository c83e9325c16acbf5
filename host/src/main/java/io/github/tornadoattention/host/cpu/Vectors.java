package io.github.tornadoattention.host.cpu;

/** Whether this JVM has the Vector API. This class does without it, so that it can be asked anywhere. */
final class Vectors {
    private static final String MODULE = "jdk.incubator.vector";
    private static final boolean USABLE = find();

    private Vectors() {}

    /** Says once, on stderr, if there are no vectors and why. */
    static boolean usable() {
        return USABLE;
    }

    private static boolean find() {
        if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
            System.err.printf("attention: the cpu backend runs without vectors: start java with --add-modules %s%n", MODULE);
            return false;
        }
        if (!FusedMultiplyAdd.FAST) {
            System.err.println("attention: the cpu backend runs without vectors: no fused multiply-add on this processor");
            return false;
        }
        return true;
    }
}
