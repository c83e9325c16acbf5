package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Plan;

/** The simulator with the kernels that split float32, which it does not choose by itself. */
record Splitting() implements Backend {
    static final Platform.Device DEVICE = Platform.devices().getFirst();

    @Override
    public String name() {
        return "simulator";
    }

    @Override
    public String device() {
        return "simulator";
    }

    @Override
    public Plan open(AttentionSpec spec, Algorithm algorithm) {
        assertThat(SplitPlan.takes(DEVICE, spec)).isTrue();
        return new SplitPlan(name(), DEVICE, spec, false);
    }
}
