package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** {@code attention devices}: every backend and device of this machine, with its limits. */
@Command(name = "devices", description = "Lists every backend and device with its limits.")
final class DevicesCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Option(names = "--backend", paramLabel = "B", description = "Only this one.")
    private @Nullable String only;

    DevicesCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (only != null) {
            Backend backend = Backend.of(only);
            terminal.print("%s  %s".formatted(backend.name(), backend.device()));
            return Failure.DONE;
        }
        Table table = new Table().row("backend", "device", "driver", "work-group", "local memory", "memory", "largest array");
        processor(table, "reference");
        processor(table, "cpu");
        List<Platform.Device> devices;
        try {
            devices = Platform.devices();
        } catch (RuntimeException | Error e) {
            // what there is without TornadoVM is still worth showing
            table.lines().forEach(terminal::print);
            throw e;
        }
        devices.forEach(device -> row(table, device));
        table.lines().forEach(terminal::print);
        terminal.print("");
        if (devices.stream().allMatch(Platform.Device::simulated)) {
            terminal.print("no TornadoVM device: " + reason());
        }
        Backend auto = Backend.auto();
        terminal.print("auto is %s: %s".formatted(auto.name(), auto.device()));
        return Failure.DONE;
    }

    private String reason() {
        boolean set = !terminal.environment().getOrDefault("TORNADOVM_HOME", "").isBlank();
        return set ? "no driver of the SDK in TORNADOVM_HOME finds one (see attention doctor)"
                : "TORNADOVM_HOME is not set (see attention doctor)";
    }

    private static void processor(Table table, String name) {
        table.row(name, Backend.of(name).device(), "-", "-", "-", Numbers.bytes(Runtime.getRuntime().maxMemory()) + " heap", "-");
    }

    private static void row(Table table, Platform.Device device) {
        TornadoDevice limits = device.device();
        table.row(device.simulated() ? "simulator" : "tornado:%d:%d".formatted(device.driver(), device.index()),
                device.description(), device.driverName(), Long.toString(limits.getDeviceMaxWorkgroupDimensions()[0]),
                Numbers.bytes(limits.getDeviceLocalMemorySize()), Numbers.bytes(limits.getMaxGlobalMemory()),
                Numbers.bytes(limits.getMaxAllocMemory()));
    }
}
