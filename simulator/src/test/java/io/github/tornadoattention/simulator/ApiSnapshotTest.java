package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What is compiled against the simulator must link with the real API. The snapshot was written from the real one's class files by
 * {@code java -cp simulator.jar io.github.tornadoattention.simulator.ApiSnapshot tornado-api.jar simulator.jar}.
 */
class ApiSnapshotTest {

    private static final Path OURS = Path.of("target/classes");

    @Test
    void ourApiIsTheUsedPartOfTheRealOne() throws IOException {
        assertThat(ApiSnapshot.lines(OURS)).containsExactlyInAnyOrderElementsOf(ApiSnapshot.committed());
    }

    @Test
    void theSnapshotHoldsWhatLinkingNeeds() throws IOException {
        String api = "uk.ac.manchester.tornado.api.";
        assertThat(ApiSnapshot.committed()).contains(
                "field " + api + "KernelContext globalIdx Ljava/lang/Integer; final,public",
                "field " + api + "enums.DataTransferMode UNDER_DEMAND I final,public,static value=2",
                "class " + api + "annotations.Parallel abstract,annotation,interface,public @Retention(RUNTIME)"
                        + " @Target(LOCAL_VARIABLE,TYPE,TYPE_PARAMETER,TYPE_USE)",
                "field " + api + "types.arrays.TornadoNativeArray ARRAY_HEADER J final,public,static",
                "class " + api + "exceptions.TornadoInternalError public extends=java.lang.Error");
        assertThat(ApiSnapshot.committed().stream().filter(line -> line.startsWith("method " + api + "TaskGraph task ")))
                .hasSize(21);
    }

    @Test
    void aMissingOverloadAndAChangedMemberAreDifferences() throws IOException {
        List<String> other = new ArrayList<>(ApiSnapshot.committed());
        assertThat(ApiSnapshot.differences(OURS, other)).isEmpty();
        String overload = other.stream().filter(line -> line.contains("TornadoExecutionResult transferToHost (Luk")).findFirst()
                .orElseThrow();
        other.remove(overload);
        String field = other.stream().filter(line -> line.contains("KernelContext globalIdx")).findFirst().orElseThrow();
        other.set(other.indexOf(field), field.replace("Ljava/lang/Integer;", "I"));
        assertThat(ApiSnapshot.differences(OURS, other)).containsExactlyInAnyOrder("not expected: " + overload,
                "not expected: " + field, "missing: " + field.replace("Ljava/lang/Integer;", "I"));
    }
}
