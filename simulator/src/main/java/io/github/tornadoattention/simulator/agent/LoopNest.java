package io.github.tornadoattention.simulator.agent;

import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LineNumber;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The loops of a method: what lies between a label and a branch back to it. */
final class LoopNest {

    /** One loop, by the positions of its label and of its backward branch among the method's elements, and its first line. */
    record Loop(int from, int to, int line, CountedLoop counted, boolean outermost) {

        private boolean contains(Loop other) {
            return from <= other.from && other.to <= to && (from != other.from || to != other.to);
        }
    }

    private final Map<Integer, Loop> byBranch = new HashMap<>();
    private final Map<Integer, Loop> byLabel = new HashMap<>();

    private LoopNest() {
    }

    static LoopNest of(CodeModel code) {
        List<CodeElement> elements = code.elementList();
        List<Loop> loops = new ArrayList<>();
        Map<Label, Integer> labels = new HashMap<>();
        for (int i = 0; i < elements.size(); i++) {
            if (elements.get(i) instanceof LabelTarget target) {
                labels.put(target.label(), i);
            } else if (elements.get(i) instanceof BranchInstruction branch && labels.containsKey(branch.target())) {
                int from = labels.get(branch.target());
                loops.add(new Loop(from, i, lineOf(elements, from), CountedLoop.of(elements, from, i), false));
            }
        }
        LoopNest nest = new LoopNest();
        for (Loop loop : loops) {
            boolean alone = loops.stream().filter(other -> other.from == loop.from).count() == 1;
            boolean outermost = loops.stream().noneMatch(other -> other.contains(loop));
            nest.add(new Loop(loop.from, loop.to, loop.line, alone ? loop.counted : null, outermost));
        }
        return nest;
    }

    /** The line of the first instruction from a position on. */
    private static int lineOf(List<CodeElement> elements, int position) {
        int line = 0;
        for (int i = 0; i < elements.size(); i++) {
            if (elements.get(i) instanceof LineNumber number) {
                line = number.line();
            } else if (i >= position && elements.get(i) instanceof Instruction) {
                break;
            }
        }
        return line;
    }

    private void add(Loop loop) {
        byBranch.put(loop.to, loop);
        byLabel.put(loop.from, loop);
    }

    boolean isEmpty() {
        return byBranch.isEmpty();
    }

    /** The loop whose backward branch stands at a position, or null. */
    Loop endingAt(int position) {
        return byBranch.get(position);
    }

    /** The loop whose label stands at a position, or null. */
    Loop startingAt(int position) {
        return byLabel.get(position);
    }
}
