package io.github.tornadoattention.host;

import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Where a backend computes in the memory of the host, nothing has to be brought anywhere. */
final class HostResident<R> implements Resident<R> {
    private final Supplier<R> compute;
    private final Function<R, Report> report;
    private @Nullable R last;

    HostResident(Supplier<R> compute, Function<R, Report> report) {
        this.compute = compute;
        this.report = report;
    }

    @Override
    public Report run() {
        last = compute.get();
        return report.apply(last);
    }

    @Override
    public R result() {
        if (last == null) {
            throw new IllegalStateException("nothing ran yet; run() comes before result()");
        }
        return last;
    }
}
