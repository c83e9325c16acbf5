package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import java.util.function.UnaryOperator;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/** Runs the graph "g", whose kernel is the task "t", once. */
final class Run {

    private Run() {
    }

    /** On a line of {@code global} work-items in groups of {@code group}. */
    static void line(int global, int group, UnaryOperator<TaskGraph> graph) {
        WorkerGrid grid = new WorkerGrid1D(global);
        grid.setLocalWork(group, 1, 1);
        grid(grid, graph);
    }

    static void grid(WorkerGrid grid, UnaryOperator<TaskGraph> graph) {
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.apply(new TaskGraph("g")).snapshot())) {
            plan.withGridScheduler(new GridScheduler("g.t", grid)).execute();
        } catch (TornadoExecutionPlanException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A kernel of plain loops. */
    static void loops(UnaryOperator<TaskGraph> graph) {
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.apply(new TaskGraph("g")).snapshot())) {
            plan.execute();
        } catch (TornadoExecutionPlanException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The fault that a run ends with; its message must be one line that names kernel, task and source line. */
    static KernelFault fault(Kind kind, Runnable run) {
        Throwable thrown = catchThrowable(run::run);
        assertThat(thrown).isInstanceOf(KernelFault.class);
        KernelFault fault = (KernelFault) thrown;
        assertThat(fault.kind()).as(fault.getMessage()).isEqualTo(kind);
        assertThat(fault.getMessage()).doesNotContain("\n").contains("task g.t");
        return fault;
    }

    /** A fault that must also name the kernel and the line of its source that holds a marker comment. */
    static KernelFault fault(Kind kind, String kernel, String marker, Runnable run) {
        KernelFault fault = fault(kind, run);
        assertThat(fault.site().kernel()).as(fault.getMessage()).isEqualTo(kernel);
        assertThat(fault.site().source()).as(fault.getMessage()).isEqualTo(SourceLines.of(kernel, marker));
        return fault;
    }
}
