package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Backend;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.instruction.InvokeInstruction;
import java.util.Objects;

/**
 * A kernel with one of its barriers taken out, and the backend that runs it: loads this package and what the kernel shares with
 * the others anew, so that the broken kernel stays in here.
 */
final class WithoutBarrier extends ClassLoader {
    private final Class<?> kernel;
    private final int barrier;

    private WithoutBarrier(Class<?> kernel, int barrier) {
        super(kernel.getClassLoader());
        this.kernel = kernel;
        this.barrier = barrier;
    }

    /** How many barriers a kernel has, counted in its code. */
    static int barriers(Class<?> kernel) {
        return (int) ClassFile.of().parse(bytes(kernel.getName())).methods().stream()
                .flatMap(method -> method.code().stream())
                .flatMap(code -> code.elementStream())
                .filter(WithoutBarrier::isBarrier)
                .count();
    }

    /** The simulator with all kernels as they are but this one, which lacks barrier number {@code barrier}, counted from 0. */
    static Backend backend(Class<?> kernel, int barrier) {
        try {
            Class<?> own = new WithoutBarrier(kernel, barrier).loadClass(TornadoBackend.class.getName());
            return (Backend) own.getMethod("simulator").invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(kernel.getPackageName()) && !name.startsWith(TornadoBackend.class.getPackageName())) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            if (loaded != null) {
                return loaded;
            }
            byte[] bytes = bytes(name);
            ClassModel model = ClassFile.of().parse(bytes);
            if (name.equals(kernel.getName())) {
                bytes = broken(model);
            }
            return defineClass(name, bytes, 0, bytes.length);
        }
    }

    private static byte[] bytes(String className) {
        try (InputStream in = WithoutBarrier.class.getResourceAsStream("/" + className.replace('.', '/') + ".class")) {
            return Objects.requireNonNull(in, className).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private byte[] broken(ClassModel model) {
        int[] seen = {0};
        CodeTransform remove = (code, element) -> {
            if (isBarrier(element) && seen[0]++ == barrier) {
                code.pop();
            } else {
                code.with(element);
            }
        };
        return ClassFile.of().transformClass(model, ClassTransform.transformingMethodBodies(remove));
    }

    private static boolean isBarrier(Object element) {
        return element instanceof InvokeInstruction call && call.name().equalsString("localBarrier");
    }
}
