package ops;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
import software.amazon.awssdk.services.s3.model.ListMultipartUploadsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * A listing, page by page to its end: whole, or a failure. What is deleted, chosen or called "no backup" goes by what a
 * listing says, so one that ends early must never look like a short one.
 *
 * <p>A store whose pages come without a token, or that no longer takes the token of an answer that was lost, is asked by
 * marker, as S3's first version of listings does.
 */
final class Listing {
    private static final int EMPTY_PAGES = 100;

    private final Store store;
    private final String prefix;
    private final String delimiter;
    private final Integer pageSize;
    private final Map<String, S3Object> objects = new LinkedHashMap<>();
    private final Set<String> folders = new LinkedHashSet<>();
    private final Set<String> tokens = new HashSet<>();
    private String last;
    private int empty;

    private Listing(Store store, String prefix, String delimiter, Integer pageSize) {
        this.store = store;
        this.prefix = prefix;
        this.delimiter = delimiter;
        this.pageSize = pageSize;
    }

    /**
     * All objects whose key begins with the prefix.
     *
     * @param pageSize how many at most the store should tell at once; null leaves it to the store
     */
    static List<Store.Item> objects(Store store, String prefix, Integer pageSize) {
        var listing = new Listing(store, prefix, null, pageSize);
        listing.read();
        var items = new ArrayList<Store.Item>();
        for (var object : listing.objects.values()) {
            if (object.size() == null || object.lastModified() == null) throw listing.notWhole("has no size or time of " + object.key());
            // A store that does not know prefixes tells more than it was asked.
            if (object.key().startsWith(prefix)) items.add(new Store.Item(object.key(), object.size(), object.lastModified()));
        }
        return items;
    }

    /** The names of the folders directly below a folder whose key ends with a slash. */
    static List<String> folders(Store store, String folder) {
        var listing = new Listing(store, folder, "/", null);
        listing.read();
        return listing.folders.stream().filter(name -> name.startsWith(folder) && name.endsWith("/") && name.length() > folder.length())
            .map(name -> name.substring(folder.length(), name.length() - 1)).toList();
    }

    private void read() {
        String token = null;
        do {
            ListObjectsV2Response page;
            try {
                page = page(token);
            } catch (S3Exception e) {
                if (token == null || last == null || e.statusCode() != 400) throw e;
                break;
            }
            var anything = !page.contents().isEmpty() || !page.commonPrefixes().isEmpty();
            if (!anything && page.isTruncated() == null && page.name() == null && page.keyCount() == null) throw notWhole("is none of S3's form");
            take(page.contents(), page.commonPrefixes());
            token = page.nextContinuationToken();
            if (!Boolean.TRUE.equals(page.isTruncated()) && isEmpty(token)) return;
            if (!isEmpty(token) && !tokens.add(token)) throw notWhole("goes on with a page that was there before");
        } while (!isEmpty(token));
        readByMarker();
    }

    private ListObjectsV2Response page(String token) {
        return store.client.listObjectsV2(request -> request.bucket(store.bucket).prefix(prefix).delimiter(delimiter).maxKeys(pageSize).continuationToken(token));
    }

    /** The rest, behind the last name that is known. */
    private void readByMarker() {
        ListObjectsResponse page;
        do {
            if (last == null) throw notWhole("goes on, and the store does not say where");
            var marker = last;
            page = store.client.listObjects(request -> request.bucket(store.bucket).prefix(prefix).delimiter(delimiter).maxKeys(pageSize).marker(marker));
            if (page.isTruncated() == null) throw notWhole("goes on with what is none of S3's form");
            take(page.contents(), page.commonPrefixes());
            if (!isEmpty(page.nextMarker())) last = page.nextMarker();
        } while (Boolean.TRUE.equals(page.isTruncated()));
    }

    /** Throws StoreFailed when a page brings nothing new: it would do so for ever. */
    private void take(List<S3Object> objects, List<CommonPrefix> folders) {
        var before = this.objects.size() + this.folders.size();
        var marker = last;
        for (var object : objects) {
            this.objects.put(object.key(), object);
            last = later(last, object.key());
        }
        for (var folder : folders) {
            this.folders.add(folder.prefix());
            last = later(last, folder.prefix());
        }
        var told = objects.size() + folders.size();
        if (this.objects.size() + this.folders.size() > before) empty = 0;
        // Some stores begin with the marker itself.
        else if (told > 1 || told == 1 && !last.equals(marker)) throw notWhole("goes on with a page that was there before");
        else if (++empty > EMPTY_PAGES) throw notWhole("goes on with empty pages");
    }

    private static String later(String one, String other) { return one == null || other.compareTo(one) > 0 ? other : one; }

    private static boolean isEmpty(String text) { return text == null || text.isEmpty(); }

    private Failure.StoreFailed notWhole(String how) { return notWhole(store, prefix, "listing", how); }

    private static Failure.StoreFailed notWhole(Store store, String prefix, String what, String how) {
        return new Failure.StoreFailed("could not list " + store.uri(prefix) + ": the store's " + what + " " + how + ", so it is not known what is there",
            "is something between this machine and the store, or is this no S3 store? " + store.settings.where(Setting.AWS_ENDPOINT_URL_S3) + "; ./jbang doctor --env " + store.settings.env + " looks at the store");
    }

    /** The uploads below a prefix that were begun and neither completed nor aborted. */
    static List<Store.OpenUpload> uploads(Store store, String prefix) {
        var uploads = new LinkedHashMap<String, Store.OpenUpload>();
        String key = null;
        String id = null;
        ListMultipartUploadsResponse page;
        do {
            var afterKey = key;
            var afterId = id;
            page = store.client.listMultipartUploads(request -> request.bucket(store.bucket).prefix(prefix).keyMarker(afterKey).uploadIdMarker(afterId));
            if (page.uploads().isEmpty() && page.isTruncated() == null && page.bucket() == null) throw notWhole(store, prefix, "list of uploads", "is none of S3's form");
            var before = uploads.size();
            for (MultipartUpload upload : page.uploads()) {
                // What is not said to be old must not be taken for old.
                var begun = upload.initiated() == null ? Instant.now() : upload.initiated();
                uploads.put(upload.uploadId(), new Store.OpenUpload(upload.key(), upload.uploadId(), begun));
                key = upload.key();
                id = upload.uploadId();
            }
            if (!isEmpty(page.nextKeyMarker())) {
                key = page.nextKeyMarker();
                id = page.nextUploadIdMarker();
            }
            if (Boolean.TRUE.equals(page.isTruncated()) && uploads.size() == before) throw notWhole(store, prefix, "list of uploads", "goes on with a page that was there before");
        } while (Boolean.TRUE.equals(page.isTruncated()));
        return uploads.values().stream().filter(upload -> upload.key().startsWith(prefix)).toList();
    }
}
