package io.github.tornadoattention.host.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.tornado.Platform;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.simulator.ApiSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Classes that were compiled against the simulator run on TornadoVM: they may name no class of the API's package that only the
 * simulator has, such as a superclass that javac infers for the value of a conditional.
 */
class TornadoReferencesTest {
    private static final String API = "uk/ac/manchester/tornado/api/";

    static List<Class<?>> modules() {
        return List.of(Platform.class, Options.class);
    }

    private static Set<String> named(Path classFile) {
        try {
            Set<String> names = new HashSet<>();
            for (var entry : ClassFile.of().parse(Files.readAllBytes(classFile)).constantPool()) {
                if (entry instanceof ClassEntry type && type.asInternalName().startsWith(API)) {
                    names.add(type.asInternalName().replace('/', '.'));
                }
            }
            return names;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<String> namedBelow(Path folder) throws IOException {
        Set<String> names = new TreeSet<>();
        try (Stream<Path> files = Files.walk(folder)) {
            files.filter(file -> file.toString().endsWith(".class")).forEach(file -> names.addAll(named(file)));
        }
        return names;
    }

    private static Set<String> namedInJar(Path jar) throws IOException {
        try (FileSystem files = FileSystems.newFileSystem(jar)) {
            return namedBelow(files.getPath("/"));
        }
    }

    @ParameterizedTest
    @MethodSource("modules")
    void onlyClassesOfTheRealApi(Class<?> ofModule) throws IOException, URISyntaxException {
        Path classes = Path.of(ofModule.getProtectionDomain().getCodeSource().getLocation().toURI());
        Set<String> used = Files.isDirectory(classes) ? namedBelow(classes) : namedInJar(classes);
        Set<String> real = new HashSet<>();
        ApiSnapshot.committed().stream().filter(line -> line.startsWith("class ")).forEach(line -> real.add(line.split(" ")[1]));

        assertThat(used).contains("uk.ac.manchester.tornado.api.types.arrays.FloatArray").isSubsetOf(real);
    }
}
