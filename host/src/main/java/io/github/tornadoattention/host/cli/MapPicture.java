package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import javax.imageio.ImageIO;

/**
 * An attention map as a picture: keys from left to right, a line for each chosen query, heads below each other with a line
 * between them. White is probability 0, black the largest of the head.
 */
final class MapPicture {
    /** Pixels that a picture is enlarged to, if it is smaller. */
    private static final int WIDTH = 512;
    private static final int MOST_ZOOM = 16;
    private static final int GAP = 2;
    private static final int MOST_PIXELS = 1 << 26;
    private static final int LINE = 0xD05030;

    private MapPicture() {}

    /**
     * Draws a map.
     *
     * @param map {@code [batch, heads, rows, keys]}, probabilities
     * @throws UsageException if the picture would be too large
     */
    static BufferedImage of(Tensor map) {
        int[] shape = map.shape();
        int rows = shape[2];
        int keys = shape[3];
        int zoom = Math.clamp(WIDTH / keys, 1, MOST_ZOOM);
        int panels = shape[0] * shape[1];
        long height = (long) panels * (rows * zoom + GAP) - GAP;
        if (height * keys * zoom > MOST_PIXELS) {
            throw new UsageException(("a picture of %d keys by %d rows in %d maps is too large; "
                    + "choose fewer rows or heads, or write an .npz").formatted(keys, rows, panels));
        }
        BufferedImage image = new BufferedImage(keys * zoom, (int) height, BufferedImage.TYPE_INT_RGB);
        float[] panel = new float[rows * keys];
        for (int n = 0; n < panels; n++) {
            map.read((long) n * panel.length, panel, 0, panel.length);
            int top = n * (rows * zoom + GAP);
            draw(image, panel, keys, zoom, top);
            for (int y = top + rows * zoom; n < panels - 1 && y < top + rows * zoom + GAP; y++) {
                for (int x = 0; x < image.getWidth(); x++) {
                    image.setRGB(x, y, LINE);
                }
            }
        }
        return image;
    }

    private static void draw(BufferedImage image, float[] panel, int keys, int zoom, int top) {
        float largest = 0;
        for (float p : panel) {
            largest = Math.max(largest, Float.isFinite(p) ? p : 0);
        }
        for (int y = 0; y < panel.length / keys * zoom; y++) {
            for (int x = 0; x < keys * zoom; x++) {
                float p = panel[y / zoom * keys + x / zoom];
                int gray = largest == 0 || !Float.isFinite(p) ? 255 : 255 - Math.round(255 * p / largest);
                image.setRGB(x, top + y, gray << 16 | gray << 8 | gray);
            }
        }
    }

    /** Writes a map as PNG. */
    static void write(Tensor map, OutputStream out) throws IOException {
        if (!ImageIO.write(of(map), "png", out)) {
            throw new IOException("this JDK writes no PNG");
        }
    }
}
