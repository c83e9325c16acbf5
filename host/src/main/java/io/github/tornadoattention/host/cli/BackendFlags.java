package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;
import picocli.CommandLine.Option;

/** The flags that say who computes, and how. */
final class BackendFlags {
    @Option(names = "--backend", paramLabel = "B", defaultValue = "auto",
            description = "reference, cpu, simulator, tornado, tornado:<driver>:<device> or auto (the default).")
    private String backend;

    @Option(names = "--algorithm", paramLabel = "A", defaultValue = "flash", description = "flash (the default) or standard.")
    private Algorithm algorithm;

    /** The backend asked for; never another one. */
    Backend backend() {
        return Backend.of(backend);
    }

    Algorithm algorithm() {
        return algorithm;
    }
}
