package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.npy.OutputFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench report}: files of results as one page. */
@Command(name = "report", description = "Makes one page, HTML or Markdown, of files of results.")
public final class ReportCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(arity = "1..*", paramLabel = "FILE.jsonl", description = "Results of scripts/bench.")
    private List<Path> files = List.of();

    @Option(names = "--out", required = true, paramLabel = "PAGE",
            description = "report.html: one file with everything in it; report.md: figures go to a folder beside it.")
    private Path out = Path.of("report.html");

    @Option(names = "--title", defaultValue = "Attention, measured", description = "The page's title.")
    private String title = "";

    /** Prints to a terminal. */
    public ReportCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        String name = out.getFileName() == null ? "" : out.getFileName().toString();
        boolean html = name.endsWith(".html");
        if (!html && !name.endsWith(".md")) {
            throw new UsageException("--out %s must end with .html or .md".formatted(out));
        }
        List<Result> results = new ArrayList<>();
        for (Path file : files) {
            results.addAll(ResultsFile.read(file, terminal.err()));
        }
        try (OutputFile output = OutputFile.open(out)) { // refused before anything is made beside it
            Page page = page(title, results);
            if (html) {
                write(output, HtmlPage.of(page));
            } else {
                String folder = name.replaceAll("\\.md$", "") + "-figures";
                MarkdownPage markdown = MarkdownPage.of(page, folder);
                figures(out.resolveSibling(folder), markdown.figures());
                write(output, markdown.text());
            }
        }
        terminal.print("wrote %s: %d results of %d files".formatted(out, results.size(), files.size()));
        return Failure.DONE;
    }

    private static void figures(Path folder, Map<String, String> figures) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UsageException("%s cannot be made: %s".formatted(folder, e.getMessage()), e);
        }
        figures.forEach((name, svg) -> {
            try (OutputFile output = OutputFile.open(folder.resolve(name))) {
                write(output, svg);
            }
        });
        try {
            // those of a longer report that was here before
            int next = figures.size() + 1;
            while (Files.deleteIfExists(folder.resolve(MarkdownPage.figure(next)))) {
                next++;
            }
        } catch (IOException e) {
            throw new UsageException("%s: old figures cannot be removed: %s".formatted(folder, e.getMessage()), e);
        }
    }

    private static void write(OutputFile output, String text) {
        output.commit(stream -> stream.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** All that can be said about results. */
    static Page page(String title, List<Result> results) {
        Data data = new Data(results);
        Page page = new Page(title);
        GlanceSection.write(page, data);
        DeviceSections.machines(page, data);
        PaperSection.write(page, data);
        CurveSections.write(page, data);
        RooflineSection.write(page, data);
        WallSection.write(page, data);
        DeviceSections.peers(page, data);
        DeviceSections.approximations(page, data);
        TrafficSection.write(page);
        ProfilerSection.write(page, data);
        DeviceSections.failures(page, data);
        return page;
    }
}
