package io.github.tornadoattention.simulator.agent;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeModel;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.SourceFileAttribute;

/** Rewrites the device methods of a class and leaves everything else as it is. */
final class KernelRewriter {

    private KernelRewriter() {
    }

    static ClassTransform of(ClassModel type, KernelMethods methods, boolean watch) {
        String className = type.thisClass().asInternalName();
        String file = type.findAttribute(Attributes.sourceFile()).map(SourceFileAttribute::sourceFile)
                .map(Object::toString).orElse(className);
        return (builder, element) -> {
            if (element instanceof MethodModel method && methods.contains(method)) {
                builder.transformMethod(method, (methodBuilder, part) -> {
                    if (part instanceof CodeModel code) {
                        methodBuilder.transformCode(code, rewriting(code, className, file, methods.isLoops(method), watch));
                    } else {
                        methodBuilder.with(part);
                    }
                });
            } else {
                builder.with(element);
            }
        };
    }

    private static CodeTransform rewriting(CodeModel code, String className, String file, boolean loops, boolean watch) {
        // Loops come first, since they are found by position in the original code.
        CodeTransform plain = new LoopRewriter(LoopNest.of(code), loops).andThen(new MeetingRewriter(className, file));
        return watch ? plain.andThen(new ArrayRewriter(className, file)) : plain;
    }
}
