package io.github.tornadoattention.simulator;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Puts settings and limits back after each test. */
final class Restored implements BeforeEachCallback, AfterEachCallback {

    private Settings settings;
    private DeviceLimits limits;

    @Override
    public void beforeEach(ExtensionContext context) {
        settings = Simulator.settings();
        limits = SimulatedDevice.INSTANCE.limits();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Simulator.settings(settings);
        SimulatedDevice.INSTANCE.limits(limits);
    }
}
