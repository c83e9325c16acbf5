package io.github.tornadoattention.simulator.agent;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;

import io.github.tornadoattention.simulator.engine.Hooks;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.LineNumber;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Lets loops take from a budget, which is a local variable so that the JVM's compiler can keep it in a register. A counted loop
 * pays for all its iterations when it starts and is not slowed down; any other loop pays with every iteration.
 *
 * <p>A call has one budget for all its loops. A method of parallel loops does the work of all work-items in one call: there
 * the budget is renewed with each iteration of an outermost loop, which has a budget of its own.
 */
final class LoopRewriter implements CodeTransform {

    private static final ClassDesc HOOKS = ClassDesc.of(Hooks.class.getName());

    private final LoopNest nest;
    private final boolean renew;
    /** Position of the next element among those of the original method. */
    private int position;
    private int line;
    private int budget;
    private int outerBudget;

    LoopRewriter(LoopNest nest, boolean renew) {
        this.nest = nest;
        this.renew = renew;
    }

    @Override
    public void atStart(CodeBuilder code) {
        if (!nest.isEmpty()) {
            budget = newBudget(code);
            outerBudget = renew ? newBudget(code) : budget;
        }
    }

    private static int newBudget(CodeBuilder code) {
        int variable = code.allocateLocal(TypeKind.INT);
        fill(code, variable);
        return variable;
    }

    private static void fill(CodeBuilder code, int variable) {
        code.invokestatic(HOOKS, "loopBudget", MethodTypeDesc.of(CD_int)).istore(variable);
    }

    @Override
    public void accept(CodeBuilder code, CodeElement element) {
        LoopNest.Loop starting = nest.startingAt(position);
        if (starting != null && starting.counted() != null) {
            payAll(code, starting);
        }
        LoopNest.Loop ending = nest.endingAt(position);
        if (ending != null) {
            if (renew && ending.outermost()) {
                fill(code, budget);
            }
            if (ending.counted() == null) {
                payOne(code, ending);
            }
        }
        if (element instanceof LineNumber number) {
            line = number.line();
        }
        position++;
        code.with(element);
    }

    private void payAll(CodeBuilder code, LoopNest.Loop loop) {
        int variable = budgetOf(loop);
        Label none = code.newLabel();
        Label enough = code.newLabel();
        loop.counted().loadDistance(code);
        code.dup().ifle(none);
        loop.counted().toIterations(code);
        code.iload(variable).swap().isub().dup().istore(variable);
        code.ifge(enough);
        spent(code, loop);
        code.goto_(enough).labelBinding(none).pop().labelBinding(enough);
    }

    private void payOne(CodeBuilder code, LoopNest.Loop loop) {
        int variable = budgetOf(loop);
        Label enough = code.newLabel();
        code.iinc(variable, -1).iload(variable).ifge(enough);
        spent(code, loop);
        code.labelBinding(enough);
    }

    private int budgetOf(LoopNest.Loop loop) {
        return loop.outermost() ? outerBudget : budget;
    }

    /** Throws, from the loop's first line rather than from its last. */
    private void spent(CodeBuilder code, LoopNest.Loop loop) {
        code.lineNumber(loop.line()).invokestatic(HOOKS, "loopBudgetSpent", MethodTypeDesc.of(CD_void)).lineNumber(line);
    }
}
