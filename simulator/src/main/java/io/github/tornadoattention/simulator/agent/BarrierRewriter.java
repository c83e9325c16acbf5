package io.github.tornadoattention.simulator.agent;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;

import io.github.tornadoattention.simulator.engine.Hooks;
import io.github.tornadoattention.simulator.engine.SourceSites;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/** Gives each barrier in the source a number of its own. */
final class BarrierRewriter implements CodeTransform {

    private static final String CONTEXT = "uk/ac/manchester/tornado/api/KernelContext";
    private static final ClassDesc HOOKS = ClassDesc.of(Hooks.class.getName());
    private static final MethodTypeDesc BARRIER = MethodTypeDesc.of(CD_void, ClassDesc.ofInternalName(CONTEXT), CD_int);

    private final String className;
    private final String file;
    private int line;
    private int onLine;

    BarrierRewriter(String className, String file) {
        this.className = className;
        this.file = file;
    }

    @Override
    public void accept(CodeBuilder code, CodeElement element) {
        switch (element) {
            case LineNumber number -> {
                line = number.line();
                code.with(element);
            }
            case InvokeInstruction call when isBarrier(call) ->
                code.loadConstant(SourceSites.number(className, file, line, onLine++)).invokestatic(HOOKS, "barrier", BARRIER);
            default -> code.with(element);
        }
    }

    private static boolean isBarrier(InvokeInstruction call) {
        String name = call.name().stringValue();
        return call.owner().asInternalName().equals(CONTEXT) && (name.equals("localBarrier") || name.equals("globalBarrier"));
    }
}
