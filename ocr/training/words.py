"""Word lists of the training texts, written for this purpose. Their syllables count as known to the net."""

from __future__ import annotations

import re
from functools import cache

SURNAMES = (
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đào Đinh Lâm Trịnh Mai Tô Tạ Hà Chu Lương "
    "Tăng Quách La Triệu Thái Đoàn Vương Cao Châu Kiều Lưu Phùng Giang Văn Tôn Nghiêm Khổng Doãn Bạch Thân Từ Viên Ông "
    "Hứa Mạc Nông Hoàn Bế Lò Cầm Sầm Vàng Giàng Sùng Thào Lầu Hạng Cứ Mùa Ly Y H' Ksor Siu Rơ Đinh Kpă Rmah Niê Ayun"
).split()
MIDDLES = (
    "Văn Thị Hữu Đức Minh Quang Ngọc Thanh Xuân Thu Đình Công Quốc Bảo Gia Kim Hồng Như Phương Trọng Viết Duy Anh Mạnh "
    "Khắc Thế Bích Diệu Tuấn Hoài Mỹ Trung Nhật Tường Thùy Khánh Đăng Phúc Bá Sỹ Vĩnh Huy Cẩm Ánh Thuỷ Tuệ Nguyên"
).split()
GIVENS = (
    "Anh An Bình Cường Dũng Dung Đạt Đức Giang Hà Hải Hạnh Hằng Hiền Hiếu Hoa Hòa Hùng Hương Khánh Khôi Kiên Lan Linh "
    "Loan Long Mai Minh My Nam Nga Ngân Nghĩa Nhung Oanh Phong Phúc Phượng Quân Quỳnh Sơn Tâm Thảo Thắng Thịnh Thủy Thư "
    "Tiến Trang Trâm Trí Trinh Tú Tuấn Tùng Tuyết Tỵ Uyên Vân Việt Vinh Vy Xuyến Yến Ý Huệ Lợi Lộc Tý Sửu Dần Mão Thìn Tỵ "
    "Ngọ Mùi Thân Dậu Tuất Hợi Ẩn Ấn Ứng Ước Ổn Ích Ầu Ỷ Ỹ Quyền Khuê Khoa Nguyệt Thoa Thúy Duyên Huyền Hưởng Hoãn Rạng Rỡ"
).split()
ETHNIC_GROUPS = (
    "Kinh|Tày|Thái|Mường|Khmer|Hoa|Nùng|H'Mông|Dao|Gia Rai|Ê Đê|Ba Na|Sán Chay|Chăm|Cơ Ho|Xơ Đăng|Sán Dìu|Hrê|Ra Glai|"
    "Mnông|Thổ|Xtiêng|Khơ Mú|Bru - Vân Kiều|Cơ Tu|Giáy|Tà Ôi|Mạ|Giẻ Triêng|Co|Chơ Ro|Xinh Mun|Hà Nhì|Chu Ru|Lào|La Chí|"
    "Kháng|Phù Lá|La Hủ|La Ha|Pà Thẻn|Lự|Ngái|Chứt|Lô Lô|Mảng|Cờ Lao|Bố Y|Cống|Si La|Pu Péo|Rơ Măm|Brâu|Ơ Đu|"
    "Sán Chí|Cao Lan|M'nông|S'tiêng|Hmông|Mông|Ra-glai|Xơ-đăng|Ê-đê|Gia-rai|Ba-na|Cơ-ho|Chơ-ro"
).split("|")
PROVINCES = (
    "Hà Nội|Hải Phòng|Huế|Đà Nẵng|Cần Thơ|Thành phố Hồ Chí Minh|Cao Bằng|Lạng Sơn|Lai Châu|Điện Biên|Sơn La|Thanh Hóa|"
    "Nghệ An|Hà Tĩnh|Tuyên Quang|Lào Cai|Thái Nguyên|Phú Thọ|Bắc Ninh|Hưng Yên|Ninh Bình|Quảng Trị|Quảng Ngãi|Gia Lai|"
    "Khánh Hòa|Lâm Đồng|Đắk Lắk|Đồng Nai|Tây Ninh|Vĩnh Long|Đồng Tháp|Cà Mau|An Giang|Quảng Ninh|Bình Định|Bến Tre|"
    "Bà Rịa - Vũng Tàu|Bạc Liêu|Sóc Trăng|Trà Vinh|Kiên Giang|Hậu Giang|Tiền Giang|Long An|Bình Phước|Bình Dương|Đắk Nông|"
    "Kon Tum|Ninh Thuận|Bình Thuận|Phú Yên|Quảng Nam|Quảng Bình|Thái Bình|Nam Định|Hà Nam|Hải Dương|Vĩnh Phúc|Hòa Bình|"
    "Bắc Kạn|Yên Bái|Hà Giang|Bắc Giang"
).split("|")
PLACES = (
    "Tân Bình Phú Nhuận Gò Vấp Thủ Đức Bình Thạnh Hóc Môn Củ Chi Nhà Bè Cần Giờ Long Thành Biên Hòa Mỹ Tho Sa Đéc Châu Đốc "
    "Rạch Giá Ba Đình Hoàn Kiếm Cầu Giấy Thanh Xuân Đống Đa Từ Liêm Gia Lâm Đông Anh Sóc Sơn Thường Tín Ứng Hòa Ý Yên "
    "Quỳnh Lưu Diễn Châu Nghi Lộc Hương Khê Lệ Thủy Vĩnh Linh Hải Lăng Điện Bàn Duy Xuyên Núi Thành Đức Phổ Hoài Nhơn "
    "Tuy Phước Sông Cầu Vạn Ninh Cam Ranh Phan Rang Phan Thiết Đơn Dương Bảo Lộc Krông Pắk Ea H'leo Buôn Hồ Chư Sê Ayun Pa "
    "Sa Thầy Tu Mơ Rông Mù Cang Chải Bát Xát Si Ma Cai Xín Mần Quản Bạ Đồng Văn Mèo Vạc Nguyên Bình Trùng Khánh Lộc Bình"
).split()
COMMON = (
    "và của là có không được cho một trong người những các với này khi đã ra đến từ lại cũng về như để làm nhiều còn thì nhưng "
    "vào nói rất mình ấy biết đi lên ngày năm mà rồi cái con nhà nước đó trên việc sau hay phải theo hai bị trước vẫn cả đang "
    "sẽ bà ông anh em chị cô chú bác mẹ cha tôi ta nó họ chúng nào gì sao đâu đây kia thế nên vì nếu tuy dù hơn nhất chỉ đều "
    "mỗi từng ngay bao giờ lúc hôm nay mai sáng trưa chiều tối đêm mùa xuân hạ thu đông trời đất mây gió mưa nắng sương núi "
    "sông biển đồng ruộng làng xóm phố đường cầu chợ trường lớp thầy trò sách vở bút mực giấy chữ tiếng lời câu chuyện thơ ca "
    "hát nghe nhìn thấy gặp hỏi trả đáp gọi kêu khóc cười vui buồn thương nhớ yêu ghét giận sợ lo mừng đau khổ sung sướng hạnh "
    "phúc mắt mũi miệng tay chân đầu tóc mặt lòng trái tim máu xương da thịt áo quần nón giày dép mũ khăn cơm cháo bánh kẹo "
    "trà rượu nước lửa khói đèn nến ánh bóng màu trắng đen đỏ xanh vàng tím hồng nâu xám lớn nhỏ bé to cao thấp dài ngắn rộng "
    "hẹp dày mỏng nặng nhẹ nhanh chậm cũ mới trẻ già đẹp xấu tốt tươi khô ướt nóng lạnh ấm mát sạch bẩn đầy vơi sâu cạn gần "
    "xa trong ngoài giữa bên cạnh dưới quanh cây cỏ hoa lá cành gốc rễ quả hạt chim cá trâu bò gà vịt chó mèo bướm ong thuyền "
    "bè xe ngựa tàu ga bến vườn ao hồ giếng sân cổng cửa mái tường vách bàn ghế giường tủ chén bát đũa nồi bếp lặng lẽ êm đềm "
    "dịu dàng mênh mông thăm thẳm xa xôi bâng khuâng ngẩn ngơ thẫn thờ rón rén lững thững khe khẽ thoang thoảng rì rào xào xạc "
    "lấp lánh long lanh mơn mởn xanh xao gầy guộc nhọc nhằn vất vả cần cù siêng năng thật thà chất phác hiền lành dũng cảm "
    "nghĩ tưởng quên hiểu học dạy viết đọc vẽ chạy nhảy bước đứng ngồi nằm ngủ thức dậy ăn uống mặc cởi mở đóng kéo đẩy nâng "
    "đỡ cầm nắm buông ném bắt giữ mất tìm kiếm thấy chờ đợi mong muốn ước hẹn thề hứa xin tặng biếu mua bán đổi chác vay mượn "
    "trả nợ tiền bạc vàng của cải giàu nghèo khó dễ sống chết sinh tử bệnh thuốc khỏe yếu mạnh tuổi đời kiếp phận duyên tình "
    "nghĩa ơn oán thù bạn bè láng giềng họ hàng tổ tiên dòng giống quê hương xứ sở đất khách chân mây cuối bãi dâu ngô khoai "
    "sắn đậu lúa nếp gạo rơm rạ khoảng bỗng chợt thoáng hẳn vốn dĩ quả nhiên hóa đành thôi nhé nhỉ ạ ơi hỡi chao ôi than "
    "trẫm khuya sớm muộn xưa nảy nở quyển dẫn tựu mơn trớn bỡ ngỡ tủm tỉm ngập ngừng rụt rè vắng vẻ ngỗng vũng những lũ cũng"
).split()
OFFICE_WORDS = (
    "công chứng chứng thực hộ tịch đăng ký khai sinh kết hôn khai tử trích lục bản sao bản chính sổ gốc giấy tờ hồ sơ văn bản "
    "hợp đồng giao dịch chữ ký người yêu cầu cơ quan thẩm quyền ủy ban nhân dân xã phường thị trấn huyện quận tỉnh thành phố "
    "trực thuộc trung ương sở tư pháp phòng bộ nội vụ quyết định thông tư nghị quyết luật điều khoản điểm chương mục phụ lục "
    "ban hành hiệu lực thi hành trách nhiệm quyền lợi nghĩa vụ tài sản nhà ở quyền sử dụng đất thửa tờ bản đồ diện tích mục "
    "đích thời hạn nguồn gốc chủ hộ nhân khẩu thường trú tạm trú cư trú dân tộc quốc tịch tôn giáo trình độ nghề nghiệp nơi "
    "làm việc họ tên chữ đệm giới tính nam nữ ngày tháng năm sinh quê quán số định danh cá nhân căn cước công dân hộ chiếu "
    "cấp nơi cấp đặc điểm nhận dạng hết hạn giá trị cục trưởng cảnh sát quản lý hành chính trật tự xã hội chủ tịch phó tuyên "
    "bố cam đoan sự thật chịu pháp luật lời khai đề nghị xác nhận tình trạng hôn nhân độc thân ly hôn tòa án bản án thỏa thuận "
    "giám hộ nhận cha mẹ con nuôi thay đổi cải chính bổ sung thông tin ghi chú lệ phí miễn nộp biên lai trả kết quả hẹn"
).split()
LABELS = (
    "Họ và tên|Họ, chữ đệm và tên|Ngày, tháng, năm sinh|Giới tính|Quốc tịch|Dân tộc|Quê quán|Nơi thường trú|Nơi cư trú|"
    "Nơi sinh|Nơi đăng ký khai sinh|Số định danh cá nhân|Số|Quyển số|Ngày cấp|Nơi cấp|Có giá trị đến|Người đi khai sinh|"
    "Họ và tên cha|Họ và tên mẹ|Năm sinh|Giấy tờ tùy thân|Nghề nghiệp|Nơi làm việc|Chức vụ|Người ký|Điện thoại|Ghi chú|"
    "Tình trạng hôn nhân|Mục đích sử dụng|Căn cứ|Kính gửi|Số vào sổ|Số chứng thực|Đặc điểm nhận dạng|Ngày đăng ký|"
    "Bằng chữ|Ghi bằng chữ|Quan hệ với người được khai sinh|Lý do|Địa chỉ|Mã số thuế|Tôn giáo|Thời hạn|Nơi đăng ký kết hôn"
).split("|")
LABEL_PAIRS = (
    "Số / No.|Họ và tên / Full name|Ngày sinh / Date of birth|Giới tính / Sex|Quốc tịch / Nationality|Quê quán / Place of "
    "origin|Nơi thường trú / Place of residence|Có giá trị đến / Date of expiry|Ngày cấp / Date of issue|Nơi cấp / Place of "
    "issue|Nơi cư trú / Place of residence|Họ, chữ đệm và tên khai sinh / Full name|Số định danh cá nhân / Personal "
    "identification number|Nơi đăng ký khai sinh / Place of birth|Đặc điểm nhận dạng / Personal identification|Loại / Type|"
    "Chữ ký / Signature|Cơ quan cấp / Issuing authority|Ngày hết hạn / Date of expiry"
).split("|")
TITLES = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM|Độc lập - Tự do - Hạnh phúc|GIẤY KHAI SINH|GIẤY CHỨNG NHẬN KẾT HÔN|BẢN SAO|"
    "TRÍCH LỤC KHAI SINH|TRÍCH LỤC KẾT HÔN|TRÍCH LỤC KHAI TỬ|TỜ KHAI ĐĂNG KÝ KHAI SINH|CĂN CƯỚC CÔNG DÂN|CĂN CƯỚC|"
    "GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN|ỦY BAN NHÂN DÂN|SỞ TƯ PHÁP|BỘ CÔNG AN|CHỦ TỊCH|PHÓ CHỦ TỊCH|NGƯỜI THỰC HIỆN|"
    "CỤC TRƯỞNG CỤC CẢNH SÁT|QUẢN LÝ HÀNH CHÍNH VỀ TRẬT TỰ XÃ HỘI|SOCIALIST REPUBLIC OF VIET NAM|"
    "Independence - Freedom - Happiness|IDENTITY CARD|Citizen Identity Card|PASSPORT / HỘ CHIẾU|BIRTH CERTIFICATE|"
    "CHỨNG THỰC BẢN SAO ĐÚNG VỚI BẢN CHÍNH|LỜI CHỨNG|PHIẾU LÝ LỊCH TƯ PHÁP|SỔ HỘ KHẨU|QUYẾT ĐỊNH|THÔNG BÁO|BIÊN BẢN"
).split("|")
ENGLISH = (
    "the of and to in for is on that by this with you are be at or from have an was not will can all we one has new page "
    "name date birth place residence origin sex nationality number card identity personal issue expiry signature authority "
    "republic viet nam socialist ministry public security full address certificate marriage register office copy original "
    "certified true father mother husband wife witness male female year month day code type country passport holder"
).split()
STREETS = (
    "đường|phố|ngõ|ngách|hẻm|số nhà|tổ|khu phố|thôn|ấp|bản|buôn|xóm|tiểu khu|khóm|làng|cụm".split(
        "|"
    )
)
DIGIT_WORDS = "không một hai ba bốn năm sáu bảy tám chín".split()

_LETTERS = re.compile(r"[^\W\d_]+")


@cache
def known_syllables() -> frozenset[str]:
    """Small letters: every syllable of the lists above."""
    lists = (
        SURNAMES, MIDDLES, GIVENS, ETHNIC_GROUPS, PROVINCES, PLACES, COMMON, OFFICE_WORDS, LABELS, LABEL_PAIRS,
        TITLES, STREETS, DIGIT_WORDS, "mười mươi mốt lăm linh lẻ trăm nghìn triệu tỷ tư ngày tháng".split(),
    )  # fmt: skip
    return frozenset(
        syllable.lower()
        for entries in lists
        for entry in entries
        for syllable in _LETTERS.findall(entry)
    )
