package uk.ac.manchester.tornado.api;

import io.github.tornadoattention.simulator.engine.PlanRunner;

/** The result of one execution of a plan. */
public class TornadoExecutionResult {

    private final PlanRunner runner;
    private final TornadoProfilerResult profile;

    TornadoExecutionResult(PlanRunner runner, TornadoProfilerResult profile) {
        this.runner = runner;
        this.profile = profile;
    }

    /** Times and bytes of this execution. */
    public TornadoProfilerResult getProfilerResult() {
        return profile;
    }

    /** Copies arrays back to the host now. */
    public TornadoExecutionResult transferToHost(Object... objects) {
        runner.transferToHost(objects);
        return this;
    }

    /** Copies a part of an array back to the host now. */
    public TornadoExecutionResult transferToHost(DataRange dataRange) {
        runner.transferToHost(dataRange);
        return this;
    }

    /** Whether the execution has ended. */
    public boolean isReady() {
        return true;
    }
}
