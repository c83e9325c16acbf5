package io.github.tornadoattention.host.cli;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar on a terminal, nothing elsewhere. */
public final class Progress implements AutoCloseable {
    private static final int WIDTH = 80;

    private final Terminal terminal;
    private final @Nullable ProgressBar bar;

    private Progress(Terminal terminal, @Nullable ProgressBar bar) {
        this.terminal = terminal;
        this.bar = bar;
    }

    /** A bar of so many steps. */
    public static Progress of(Terminal terminal, String task, long steps) {
        if (!terminal.interactive()) {
            return new Progress(terminal, null);
        }
        return new Progress(terminal, new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(steps)
                .setStyle(ProgressBarStyle.ASCII)
                .setConsumer(new ConsoleProgressBarConsumer(terminal.err(), WIDTH))
                .clearDisplayOnFinish()
                .build());
    }

    /** Says what is being done now. */
    public void at(String what) {
        if (bar != null) {
            bar.setExtraMessage(what);
        }
    }

    /** Prints a line of results where the bar was; the bar comes back below it. */
    public void print(String line) {
        if (bar != null) {
            terminal.err().print("\r" + " ".repeat(WIDTH) + "\r");
            terminal.err().flush();
        }
        terminal.print(line);
    }

    /** One more step is done. */
    public void step() {
        if (bar != null) {
            bar.step();
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
