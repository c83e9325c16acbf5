package io.github.tornadoattention.simulator.agent;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Instruction;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.IncrementInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A loop whose number of iterations is known when it starts: {@code for (...; i < bound; i += step)} with a constant positive
 * step, where neither {@code i} nor anything in {@code bound} changes otherwise.
 */
record CountedLoop(int index, List<Instruction> bound, int step) {

    private static final Set<Opcode> PURE = EnumSet.of(Opcode.IADD, Opcode.ISUB, Opcode.IMUL);

    /** The loop from a label to a backward branch if it is of that form, else null. */
    static CountedLoop of(List<CodeElement> elements, int from, int to) {
        List<Instruction> code = new ArrayList<>();
        for (CodeElement element : elements.subList(from, to + 1)) {
            if (element instanceof Instruction instruction) {
                code.add(instruction);
            }
        }
        if (code.size() < 5 || code.getLast().opcode() != Opcode.GOTO
                || !(code.get(code.size() - 2) instanceof IncrementInstruction step) || step.constant() <= 0
                || !(code.getFirst() instanceof LoadInstruction first) || first.slot() != step.slot()) {
            return null;
        }
        int test = 1;
        while (test < code.size() && isPure(code.get(test))) {
            test++;
        }
        List<Instruction> bound = List.copyOf(code.subList(1, test));
        Opcode comparison = code.get(test).opcode();
        if (bound.isEmpty() || !(code.get(test) instanceof BranchInstruction)
                || (comparison != Opcode.IF_ICMPGE && comparison != Opcode.IF_ICMPGT)) {
            return null;
        }
        List<Instruction> body = code.subList(test + 1, code.size() - 2);
        if (body.stream().anyMatch(i -> changes(i, step.slot()) || bound.stream().anyMatch(b -> changesOperand(i, b)))
                || bound.stream().anyMatch(b -> b instanceof LoadInstruction load && load.slot() == step.slot())) {
            return null;
        }
        return new CountedLoop(step.slot(), bound, step.constant());
    }

    /** Puts what lies between index and bound on the stack: 0 or less if there is no iteration, or one at most. */
    void loadDistance(CodeBuilder code) {
        bound.forEach(code::with);
        code.iload(index).isub();
    }

    /** Turns a positive distance into the number of iterations, or one more. */
    void toIterations(CodeBuilder code) {
        if (step != 1) {
            code.loadConstant(step).idiv().iconst_1().iadd();
        }
    }

    private static boolean isPure(Instruction instruction) {
        return switch (instruction) {
            case LoadInstruction load -> load.typeKind() == TypeKind.INT;
            case ConstantInstruction constant -> constant.typeKind() == TypeKind.INT;
            case OperatorInstruction operator -> PURE.contains(operator.opcode());
            default -> false;
        };
    }

    private static boolean changesOperand(Instruction instruction, Instruction operand) {
        return operand instanceof LoadInstruction load && changes(instruction, load.slot());
    }

    private static boolean changes(Instruction instruction, int slot) {
        return switch (instruction) {
            case StoreInstruction store -> store.slot() == slot || (isWide(store) && store.slot() + 1 == slot);
            case IncrementInstruction increment -> increment.slot() == slot;
            default -> false;
        };
    }

    private static boolean isWide(StoreInstruction store) {
        return store.typeKind() == TypeKind.LONG || store.typeKind() == TypeKind.DOUBLE;
    }
}
