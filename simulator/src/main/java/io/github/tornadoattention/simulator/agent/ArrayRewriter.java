package io.github.tornadoattention.simulator.agent;

import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;

import io.github.tornadoattention.simulator.engine.Hooks;
import io.github.tornadoattention.simulator.engine.SourceSites;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.NewPrimitiveArrayInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Reports every access to a Java array, which in a kernel is local or private memory: which of the two is known only at run time.
 * New private arrays get poisoned.
 */
final class ArrayRewriter implements CodeTransform {

    private static final int NO_BARRIER = -1;
    private static final ClassDesc HOOKS = ClassDesc.of(Hooks.class.getName());
    private static final MethodTypeDesc ACCESS = MethodTypeDesc.of(CD_void, CD_Object, CD_int, CD_boolean, CD_int);
    private static final MethodTypeDesc NEW_ARRAY = MethodTypeDesc.of(CD_Object, CD_Object);

    private final String className;
    private final String file;
    private int line;

    ArrayRewriter(String className, String file) {
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
            case ArrayLoadInstruction load -> load(code, load);
            case ArrayStoreInstruction store -> store(code, store);
            case NewPrimitiveArrayInstruction array when array.typeKind() != TypeKind.BOOLEAN
                    && array.typeKind() != TypeKind.CHAR -> {
                code.with(element);
                code.invokestatic(HOOKS, "privateArray", NEW_ARRAY).checkcast(array.typeKind().upperBound().arrayType());
            }
            default -> code.with(element);
        }
    }

    private void load(CodeBuilder code, ArrayLoadInstruction load) {
        switch (load.typeKind()) {
            case FLOAT, DOUBLE, INT, LONG, SHORT -> {
                ClassDesc type = load.typeKind().upperBound();
                code.loadConstant(site()).invokestatic(HOOKS, "load", MethodTypeDesc.of(type, type.arrayType(), CD_int, CD_int));
            }
            default -> {
                // What an object array holds is not in the instruction, nor whether a byte array is one of booleans.
                code.dup2().iconst_0().loadConstant(site()).invokestatic(HOOKS, "access", ACCESS);
                code.with(load);
            }
        }
    }

    private void store(CodeBuilder code, ArrayStoreInstruction store) {
        switch (store.typeKind()) {
            case FLOAT, DOUBLE, INT, LONG, SHORT -> storeHook(code, store.typeKind().upperBound().arrayType(),
                    store.typeKind().upperBound());
            case BYTE -> storeHook(code, CD_Object, CD_byte);
            case REFERENCE -> storeHook(code, CD_Object.arrayType(), CD_Object);
            default -> code.with(store);
        }
    }

    private void storeHook(CodeBuilder code, ClassDesc array, ClassDesc value) {
        code.loadConstant(site()).invokestatic(HOOKS, "store", MethodTypeDesc.of(CD_void, array, CD_int, value, CD_int));
    }

    private int site() {
        return SourceSites.number(className, file, line, NO_BARRIER);
    }
}
