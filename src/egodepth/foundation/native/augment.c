/* Frames as they are stored to what a step works on: floats, colours in planes, mirrored, and once more with the colours
   changed. One pass: each row is read once, as bytes, and written once to each of the two. */

#include <math.h>

#include "queue.h"

#define CHANNELS 3

typedef struct {
    long batch, views, seen_views, height, width, threads;
    const unsigned char *images; /* b views h w 3 */
    const unsigned char *flip;   /* b */
    const float *maps;           /* b 3 6: changed = maps[:, :3] @ colour + maps[:, 3:] @ mean, cut off at 0 and 1 */
    float *offsets;              /* b 3: the second term, of the first view's mean */
    float *clean;                /* views b 3 h w */
    float *seen;                 /* seen_views b 3 h w: of the first views; NULL: none */
} Job;

static void planes_of_row(const unsigned char *pixels, long w, int flip, unsigned char *row) {
    unsigned char *r = row, *g = row + w, *b = row + 2 * w;
    if (flip)
        for (long i = 0; i < w; i++) r[w - 1 - i] = pixels[3 * i], g[w - 1 - i] = pixels[3 * i + 1], b[w - 1 - i] = pixels[3 * i + 2];
    else
        for (long i = 0; i < w; i++) r[i] = pixels[3 * i], g[i] = pixels[3 * i + 1], b[i] = pixels[3 * i + 2];
}

/* Of a byte, rounded as the division by 255 is. */
static inline float unit(unsigned char level) {
#ifdef FP_FAST_FMAF
    const float x = level, q = x * (1 / 255.0f);
    return fmaf(fmaf(-q, 255.0f, x), 1 / 255.0f, q);
#else
    return level / 255.0f;
#endif
}

static inline float cut(float x) {
    x = x > 0 ? x : 0; /* in these words each is one instruction */
    return x < 1 ? x : 1;
}

/* Of a row. */
static void units(const unsigned char *restrict levels, float *restrict out, long w) {
    for (long i = 0; i < w; i++) out[i] = unit(levels[i]);
}

static void mixed(const float *restrict r, const float *restrict g, const float *restrict b, const float *map,
                  float offset, float *restrict out, long w) {
    const float m0 = map[0], m1 = map[1], m2 = map[2];
    for (long i = 0; i < w; i++) out[i] = cut(m0 * r[i] + m1 * g[i] + m2 * b[i] + offset);
}

static void frame_task(const void *argument, long task, void *scratch) {
    const Job *job = argument;
    const long view = task / job->batch, b = task % job->batch, w = job->width, plane = job->height * w;
    const unsigned char *pixels = job->images + (b * job->views + view) * plane * CHANNELS;
    float *clean = job->clean + task * plane * CHANNELS;
    const float *map = job->maps + 18 * b, *offsets = job->offsets + CHANNELS * b;
    float *seen = job->seen && view < job->seen_views ? job->seen + task * plane * CHANNELS : NULL;
    for (long y = 0; y < job->height; y++, pixels += w * CHANNELS) {
        float *rgb[CHANNELS];
        planes_of_row(pixels, w, job->flip[b], scratch);
        for (int c = 0; c < CHANNELS; c++) {
            rgb[c] = clean + c * plane + y * w;
            units((unsigned char *)scratch + c * w, rgb[c], w);
        }
        for (int c = 0; c < CHANNELS && seen; c++)
            mixed(rgb[0], rgb[1], rgb[2], map + 6 * c, offsets[c], seen + c * plane + y * w, w);
    }
}

/* What a sample's colours are moved by: the map of the target's mean. */
static void offset_task(const void *argument, long b, void *scratch) {
    const Job *job = argument;
    const long w = job->width, plane = job->height * w;
    const unsigned char *pixels = job->images + b * job->views * plane * CHANNELS;
    unsigned long sums[CHANNELS] = {0};
    (void)scratch;
    for (long y = 0; y < job->height; y++, pixels += w * CHANNELS) {
        unsigned int row[CHANNELS] = {0};
        for (long i = 0; i < w; i++)
            for (int c = 0; c < CHANNELS; c++) row[c] += pixels[i * CHANNELS + c];
        for (int c = 0; c < CHANNELS; c++) sums[c] += row[c];
    }
    for (int c = 0; c < CHANNELS; c++) {
        float offset = 0;
        for (int d = 0; d < CHANNELS; d++)
            offset += job->maps[(b * CHANNELS + c) * 6 + 3 + d] * (float)((double)sums[d] / (255.0 * (double)plane));
        job->offsets[b * CHANNELS + c] = offset;
    }
}

/* Returns 0, or 1 where there is no memory. */
int augment_frames(const Job *job) {
    return (job->seen && run_all(job, offset_task, job->batch, job->threads, 1)) ||
           run_all(job, frame_task, job->views * job->batch, job->threads, CHANNELS * job->width);
}
