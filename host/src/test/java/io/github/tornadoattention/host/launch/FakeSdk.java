package io.github.tornadoattention.host.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that looks like a TornadoVM SDK: the template of a real one in short, empty jars. */
public final class FakeSdk {
    /** As an SDK's generator writes it, with one export of the hundreds. */
    static final String TEMPLATE = """
            # === JVM mode and memory settings ===
            -server
            -XX:+EnableJVMCI
            --enable-preview

            # === Native library path ===
            -Djava.library.path=${TORNADOVM_HOME}/lib
            -Dtornado.load.api.implementation=uk.ac.manchester.tornado.runtime.tasks.TornadoTaskGraph

            # === Module system ===
            --module-path .:${TORNADOVM_HOME}/share/java/tornado
            --upgrade-module-path ${TORNADOVM_HOME}/share/java/graalJars
            --add-modules ALL-SYSTEM,tornado.runtime,tornado.annotation,tornado.drivers.common,tornado.drivers.opencl
            --add-exports=jdk.graal.compiler/jdk.graal.compiler.nodes.cfg=tornado.runtime,tornado.drivers.common
            """;

    private FakeSdk() {}

    /** Makes one that {@link Sdk#at} accepts. */
    public static Path in(Path home) {
        write(home.resolve("tornado-argfile.template"), TEMPLATE);
        write(home.resolve("etc/tornado.release"), "version=5.2.0-jdk25\nbranch=main\n");
        write(home.resolve("lib/libtornado-opencl.so"), "");
        for (String jar : new String[] {"tornado-api-5.2.0-jdk25", "tornado-runtime-5.2.0-jdk25",
            "tornado-drivers-common-5.2.0-jdk25", "tornado-drivers-opencl-5.2.0-jdk25", "tornado-drivers-ptx-5.2.0-jdk25",
            "jmh-core-1.29", "junit-4.13.2", "jopt-simple-4.6", "commons-math3-3.2"}) {
            write(home.resolve("share/java/tornado/" + jar + ".jar"), "");
        }
        return home;
    }

    /** Writes a file and the folders above it. */
    static void write(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
