package io.github.tornadoattention.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResultsFileTest {
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final PrintStream warnings = new PrintStream(said, true, StandardCharsets.UTF_8);

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("r.jsonl");
    }

    private static Result result(int n) {
        return new Result().with("backend", "cpu").with("algorithm", "flash").with("direction", "forward").with("seq_q", n)
                .with("block", List.of(64, 48)).with("density", 1.0);
    }

    @Test
    void whatIsInTheFileIsKnown() {
        ResultsFile results = ResultsFile.append(file, warnings);
        assertThat(results.has(result(1))).isFalse();
        results.append(result(1));
        assertThat(results.has(result(1).with("median_ms", 3))).isTrue();
        ResultsFile again = ResultsFile.append(file, warnings);
        assertThat(again.has(result(1))).isTrue();
        assertThat(again.has(result(2))).isFalse();
        assertThat(again.has(result(1).with("block", null))).isFalse();
        assertThat(said.size()).isZero();
    }

    @Test
    void whatFailedIsMeasuredAgainUnlessItWasTooLarge() {
        ResultsFile results = ResultsFile.append(file, warnings);
        results.append(result(1).with("error", "the compiler gave up"));
        results.append(result(2).with("error", ResultsFile.TOO_LARGE + ": 5 GiB"));
        assertThat(results.has(result(1))).isFalse();
        assertThat(results.has(result(2))).isTrue();
    }

    @Test
    void whatOthersAppendIsSeen() throws IOException {
        ResultsFile mine = ResultsFile.append(file, warnings);
        mine.refresh();
        ResultsFile theirs = ResultsFile.append(file, warnings);
        theirs.append(result(1));
        assertThat(mine.has(result(1))).isFalse();
        mine.refresh();
        assertThat(mine.has(result(1))).isTrue();
        mine.append(result(2));
        // half a line is read once it is whole
        String json = result(3).json();
        Files.writeString(file, json.substring(0, 50), java.nio.file.StandardOpenOption.APPEND);
        mine.refresh();
        Files.writeString(file, json.substring(50) + "\nnonsense\n", java.nio.file.StandardOpenOption.APPEND);
        assertThat(mine.has(result(3))).isFalse();
        mine.refresh();
        assertThat(mine.has(result(3))).isTrue();
        theirs.append(result(4).with("error", "the compiler gave up"));
        mine.refresh();
        assertThat(mine.has(result(4))).isTrue();
        assertThat(ResultsFile.append(file, new PrintStream(new ByteArrayOutputStream())).has(result(4))).isFalse();
        theirs.refresh();
        assertThat(theirs.has(result(2))).isTrue();
        assertThat(said.size()).isZero();
    }

    /** A process that was killed leaves half a line; the next result begins on a line of its own. */
    @Test
    void halfALineSpoilsNothing() throws IOException {
        String whole = result(1).json();
        Files.writeString(file, whole + "\n" + whole.substring(0, 40));
        ResultsFile results = ResultsFile.append(file, warnings);
        assertThat(said.toString(StandardCharsets.UTF_8)).isEqualTo("bench: %s:2: no JSON object, skipped%n".formatted(file));
        results.append(result(2));
        List<Result> read = ResultsFile.readQuietly(file);
        assertThat(read).extracting(r -> r.get("seq_q")).containsExactly(1, 2);
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    /** Nothing is appended to somebody else's file; half a first line of ours is no reason to refuse. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"{\"a\": 1}|true", "# a page|true", "[1]|true", "null|true", "{\"back|false",
            "{\"backend\":\"cp|false", "{\"backend\": \"pyt|false"})
    void somebodyElsesFile(String text, boolean refused) throws IOException {
        Files.writeString(file, "\n" + text);
        if (refused) {
            assertThatThrownBy(() -> ResultsFile.append(file, warnings)).isInstanceOf(UsageException.class)
                    .hasMessageContaining("something else");
            assertThat(said.size()).isZero();
        } else {
            ResultsFile.append(file, warnings).append(result(2));
            assertThat(ResultsFile.readQuietly(file)).hasSize(1);
        }
    }

    @Test
    void linesOfSomethingElseAreSkippedByNumber() throws IOException {
        Files.write(file, List.of("[1, 2]", "{\"name\": \"x\"}", "", "nonsense \u0000", result(7).json(),
                "{\"backend\": 3, \"algorithm\": \"a\"}", "null", "7", result(8).json() + result(9).json()));
        assertThat(ResultsFile.read(file, warnings)).hasSize(1);
        assertThat(said.toString(StandardCharsets.UTF_8).lines()).hasSize(7).allMatch(line -> line.endsWith(", skipped"))
                .anyMatch(line -> line.contains(":2: no result of this project: field 'backend' is missing"));
    }

    @Test
    void linesAreReadAsTheyWereWritten() {
        Result result = result(5).with("median_ms", 1.25).with("error", "a \"quoted\"\nerror").with("checked", true);
        ResultsFile.append(file, warnings).append(result);
        assertThat(ResultsFile.read(file, warnings).getFirst().json()).isEqualTo(result.json());
    }

    @Test
    void filesThatAreNone() throws IOException {
        assertThatThrownBy(() -> ResultsFile.read(folder.resolve("none"), warnings)).isInstanceOf(UsageException.class)
                .hasMessageContaining("no such file");
        assertThatThrownBy(() -> ResultsFile.read(folder, warnings)).isInstanceOf(UsageException.class)
                .hasMessageContaining("is no file");
        Files.writeString(file, "\n\n");
        assertThatThrownBy(() -> ResultsFile.read(file, warnings)).isInstanceOf(UsageException.class)
                .hasMessageContaining("holds no result");
        assertThatThrownBy(() -> ResultsFile.append(folder.resolve("no/folder/r.jsonl"), warnings))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("cannot be written");
    }

    @Test
    void numbersAreTheSameHoweverTheyAreWritten() {
        assertThat(Result.parse("{\"backend\":\"b\",\"algorithm\":\"a\",\"direction\":\"d\",\"density\":1}").identity())
                .isEqualTo(Result.parse("{\"backend\":\"b\",\"algorithm\":\"a\",\"direction\":\"d\",\"density\":1.0}")
                        .identity());
    }
}
