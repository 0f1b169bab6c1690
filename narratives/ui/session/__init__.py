"""What a browser session has: an annotator, the state of its boards, uploads, background work."""
