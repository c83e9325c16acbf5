package io.github.tornadoattention.simulator.agent;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.reflect.AccessFlag;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** The methods of a class that run on the device: its kernels and the static methods that these call, directly or not. */
final class KernelMethods {

    private static final String CONTEXT = "Luk/ac/manchester/tornado/api/KernelContext;";
    private static final String PARALLEL = "Luk/ac/manchester/tornado/api/annotations/Parallel;";

    private final Set<String> names = new HashSet<>();
    private final Set<String> loops = new HashSet<>();
    private final Map<String, Set<String>> calls = new HashMap<>();

    private KernelMethods() {
    }

    /** The device methods of a class; {@code called} are those that kernels of other classes call. */
    static KernelMethods of(ClassModel type, Set<String> called) {
        KernelMethods found = new KernelMethods();
        Map<String, MethodModel> methods = new HashMap<>();
        Deque<String> open = new ArrayDeque<>();
        for (MethodModel method : type.methods()) {
            if (!method.flags().has(AccessFlag.STATIC) || method.code().isEmpty()) {
                continue;
            }
            String key = key(method);
            methods.put(key, method);
            if (isParallel(method.code().get())) {
                found.loops.add(key);
                open.add(key);
            } else if (called.contains(key) || method.methodType().stringValue().contains(CONTEXT)) {
                open.add(key);
            }
        }
        String self = type.thisClass().asInternalName();
        while (!open.isEmpty()) {
            String key = open.pop();
            if (found.names.add(key)) {
                found.followCalls(methods.get(key).code().orElseThrow(), self, methods, open);
            }
        }
        return found;
    }

    private void followCalls(CodeModel code, String self, Map<String, MethodModel> methods, Deque<String> open) {
        for (CodeElement element : code) {
            if (element instanceof InvokeInstruction call && call.opcode() == java.lang.classfile.Opcode.INVOKESTATIC) {
                String key = call.name().stringValue() + call.type().stringValue();
                String owner = call.owner().asInternalName();
                if (!owner.equals(self)) {
                    calls.computeIfAbsent(owner, name -> new HashSet<>()).add(key);
                } else if (methods.containsKey(key)) {
                    open.add(key);
                }
            }
        }
    }

    boolean isEmpty() {
        return names.isEmpty();
    }

    boolean contains(MethodModel method) {
        return names.contains(key(method));
    }

    /** Whether a method is written as parallel loops: one call of it does the work of all work-items. */
    boolean isLoops(MethodModel method) {
        return loops.contains(key(method));
    }

    /** Static methods of other classes that are called: class to name with descriptor. */
    Map<String, Set<String>> calls() {
        return calls;
    }

    private static String key(MethodModel method) {
        return method.methodName().stringValue() + method.methodType().stringValue();
    }

    private static boolean isParallel(CodeModel code) {
        return code.findAttribute(Attributes.runtimeVisibleTypeAnnotations())
                .filter(found -> found.annotations().stream()
                        .anyMatch(a -> a.annotation().className().stringValue().equals(PARALLEL)))
                .isPresent();
    }
}
