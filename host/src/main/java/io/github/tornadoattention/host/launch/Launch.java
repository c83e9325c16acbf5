package io.github.tornadoattention.host.launch;

import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What scripts/attention runs first: prints the command line of the real JVM, each word followed by a NUL character. The first
 * word is 0, or the exit code if there is nothing to start, and then the reason is on stderr.
 */
public final class Launch {
    private static final int NOT_AVAILABLE = 3;

    private Launch() {}

    /**
     * Prints the words.
     *
     * @param args the folder of the checkout, then the arguments of the command line tool
     */
    public static void main(String[] args) {
        Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding"));
        print(args, System.getenv(), new PrintStream(System.out, false, charset), System.err);
    }

    static void print(String[] args, Map<String, String> environment, PrintStream out, PrintStream err) {
        try {
            CommandLine commandLine = new CommandLine(Path.of(args[0]), environment, Path.of(System.getProperty("java.home")),
                    "bench".equals(System.getProperty(CommandLine.TOOL_PROPERTY)));
            List<String> words = commandLine.of(Arrays.asList(args).subList(1, args.length));
            print("0", out);
            words.forEach(word -> print(word, out));
        } catch (LaunchException e) {
            err.println("attention: " + e.getMessage());
            print(Integer.toString(NOT_AVAILABLE), out);
        }
        out.flush();
    }

    private static void print(String word, PrintStream out) {
        out.print(word);
        out.print('\0');
    }
}
