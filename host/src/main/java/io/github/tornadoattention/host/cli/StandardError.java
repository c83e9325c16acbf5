package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.launch.CommandLine;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/**
 * The JVM writes a warning to stderr for every incubator module, before any of our code runs, and no option turns it off. So
 * scripts/attention starts the JVM with stderr on nothing and the real one on a spare descriptor, which is put back here.
 */
public final class StandardError {
    private static final int STDERR = 2;

    private StandardError() {}

    /** Puts the real stderr back, for Java and native code alike, if the launcher moved it away. */
    public static void restore() {
        Integer spare = Integer.getInteger(CommandLine.STDERR_PROPERTY);
        if (spare == null) {
            return;
        }
        try {
            duplicate(spare);
        } catch (Throwable e) {
            // without native access: at least Java's own messages
            reopen(spare);
        }
    }

    private static void duplicate(int spare) throws Throwable {
        Linker linker = Linker.nativeLinker();
        FunctionDescriptor signature = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        int result = (int) linker.downcallHandle(linker.defaultLookup().findOrThrow("dup2"), signature)
                .invokeExact(spare, STDERR);
        if (result != STDERR) {
            throw new IOException("dup2 failed");
        }
    }

    private static void reopen(int spare) {
        try {
            System.setErr(new PrintStream(new FileOutputStream("/dev/fd/" + spare, true), true));
        } catch (IOException e) {
            System.out.println("attention: stderr cannot be restored: " + e.getMessage());
        }
    }
}
