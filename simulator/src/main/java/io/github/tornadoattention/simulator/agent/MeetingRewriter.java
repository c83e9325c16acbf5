package io.github.tornadoattention.simulator.agent;

import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;

import io.github.tornadoattention.simulator.engine.Hooks;
import io.github.tornadoattention.simulator.engine.SourceSites;
import io.github.tornadoattention.simulator.engine.WarpHooks;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.TypeCheckInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.Set;

/**
 * Gives each place where work-items meet a number of its own: barriers, the operations of a warp, and what goes with these. Lets
 * a local array pass for the {@code FloatArray} that fragments are stored to.
 */
final class MeetingRewriter implements CodeTransform {

    private static final String CONTEXT = "uk/ac/manchester/tornado/api/KernelContext";
    private static final String FLOATS = "uk/ac/manchester/tornado/api/types/arrays/FloatArray";
    private static final ClassDesc HOOKS = ClassDesc.of(Hooks.class.getName());
    private static final ClassDesc WARP_HOOKS = ClassDesc.of(WarpHooks.class.getName());
    private static final MethodTypeDesc BARRIER = MethodTypeDesc.of(CD_void, ClassDesc.ofInternalName(CONTEXT), CD_int);
    private static final MethodTypeDesc VIEW = MethodTypeDesc.of(CD_Object, CD_Object);

    private static final Set<String> BARRIERS = Set.of("localBarrier", "globalBarrier");
    /** Each has a hook of the same name that takes the context in front and the place behind. */
    private static final Set<String> OPERATIONS = Set.of("simdSum", "simdShuffleDown", "simdBroadcastFirst", "mmaLoadA",
            "mmaLoadB", "mmaLoadBSwizzled", "mma", "mmaBF16", "mmaStore", "mmaStoreBSwizzled", "swizzleLoadFp16Stride32",
            "swizzleStoreFp16Stride32", "asyncCopyToLocal");

    private final String className;
    private final String file;
    private int line;
    private int onLine;

    MeetingRewriter(String className, String file) {
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
            case InvokeInstruction call when isCallOf(call, BARRIERS) ->
                code.loadConstant(site()).invokestatic(HOOKS, "barrier", BARRIER);
            case InvokeInstruction call when isCallOf(call, OPERATIONS) -> {
                MethodTypeDesc type = call.typeSymbol().insertParameterTypes(0, ClassDesc.ofInternalName(CONTEXT));
                code.loadConstant(site()).invokestatic(WARP_HOOKS, call.name().stringValue(),
                        type.insertParameterTypes(type.parameterCount(), CD_int));
            }
            case TypeCheckInstruction cast when cast.opcode() == Opcode.CHECKCAST
                    && cast.type().asInternalName().equals(FLOATS) -> {
                code.invokestatic(WARP_HOOKS, "floatArray", VIEW);
                code.with(element);
            }
            default -> code.with(element);
        }
    }

    private int site() {
        return SourceSites.number(className, file, line, onLine++);
    }

    private static boolean isCallOf(InvokeInstruction call, Set<String> names) {
        return call.owner().asInternalName().equals(CONTEXT) && names.contains(call.name().stringValue());
    }
}
